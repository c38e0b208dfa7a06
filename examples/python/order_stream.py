"""The contract as Python modules, made from proto/ when this is imported, and a stream that outlives its connections.

From the environment: ORDER_STREAM_CA_FILE (PEM) speaks TLS and trusts what it has; ORDER_STREAM_TOKEN_FILE has a bearer token and is
read before each connection, so that whoever keeps it fresh replaces it; ORDER_STREAM_TOKEN is one that stays.
"""

import collections
import json
import os
import pathlib
import random
import sys
import time

import grpc

sys.path.append(str(pathlib.Path(__file__).parents[2] / "proto"))
messages, services = grpc.protos_and_services("orders/v1/order_stream.proto")
status_messages = grpc.protos("google/rpc/status.proto")
detail_messages = grpc.protos("google/rpc/error_details.proto")

# Finds a gateway that vanished without a word.
KEEPALIVE = [("grpc.keepalive_time_ms", 15_000), ("grpc.keepalive_timeout_ms", 5_000)]

# As packages/order-stream/src/order-stream-error.ts judges; docs/connections.md says why.
Code = grpc.StatusCode
ALWAYS_FINAL = {Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE, Code.FAILED_PRECONDITION}
FINAL_BY_GATEWAY = {Code.PERMISSION_DENIED, Code.UNIMPLEMENTED}
INTERRUPTIONS = {Code.UNAVAILABLE, Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.ABORTED}

# How long refusals are tried again that carry nothing of a gateway's: a proxy that starts is over it by then.
REFUSAL_PATIENCE_S = 300
LONGEST_DELAY_S = 3_600

CAN_RENEW = "ORDER_STREAM_TOKEN_FILE" in os.environ


def details_of(error):
    """Whether a gateway has said it, and the seconds after which it wants to be asked again, if it says so."""
    is_of_gateway, delay_s = False, None
    try:
        trailers = dict(error.trailing_metadata() or ())
        status = status_messages.Status.FromString(trailers.get("grpc-status-details-bin", b""))
        for detail in status.details:
            info, retry = detail_messages.ErrorInfo(), detail_messages.RetryInfo()
            if detail.Unpack(info) and info.domain == "orders.v1" or detail.Is(detail_messages.BadRequest.DESCRIPTOR):
                is_of_gateway = True
            if detail.Unpack(retry):
                delay_s = retry.retry_delay.ToTimedelta().total_seconds()
    except Exception:
        # The call has failed in any case, and whoever is in between may have put something else there.
        pass
    return is_of_gateway, delay_s


def verdict_on(code, is_of_gateway, delay_s):
    """`final`: no retry mends it; `unauthenticated`: another token may; `interrupted`: try for as long as it takes; `unexplained`: nobody knows, try for a while."""
    if code in ALWAYS_FINAL:
        return "final"
    if code == Code.UNAUTHENTICATED:
        return "unauthenticated" if is_of_gateway else "unexplained"
    if code in FINAL_BY_GATEWAY:
        return "final" if is_of_gateway else "unexplained"
    is_told = is_of_gateway or delay_s is not None
    return "interrupted" if is_told or code in INTERRUPTIONS else "unexplained"


def read_token():
    """The bearer token, as it is now; None where there is none."""
    token_file = os.environ.get("ORDER_STREAM_TOKEN_FILE")
    return pathlib.Path(token_file).read_text().strip() if token_file else os.environ.get("ORDER_STREAM_TOKEN")


class WithToken(grpc.UnaryStreamClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Sends the token with each stream."""

    def intercept_unary_stream(self, continuation, client_call_details, request):
        return continuation(with_token(client_call_details), request)

    def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return continuation(with_token(client_call_details), request_iterator)


class CallDetails(collections.namedtuple("CallDetails", ["method", "timeout", "metadata", "credentials"]), grpc.ClientCallDetails):
    """What grpc asks of a call, with other metadata."""


def with_token(details):
    token = read_token()
    metadata = list(details.metadata or ()) + ([("authorization", f"Bearer {token}")] if token else [])
    return CallDetails(details.method, details.timeout, metadata, details.credentials)


def connect(gateway):
    ca_file = os.environ.get("ORDER_STREAM_CA_FILE")
    if not ca_file:
        return grpc.insecure_channel(gateway, options=KEEPALIVE)
    credentials = grpc.ssl_channel_credentials(pathlib.Path(ca_file).read_bytes())
    return grpc.secure_channel(gateway, credentials, options=KEEPALIVE)


class TokenExpires(Exception):
    """The gateway says that the token of the stream is nearly over; the next connection has another one."""


def check_token(message):
    """Leaves a stream whose token is nearly over, where a fresh one can be had: for when the message is handled."""
    if CAN_RENEW and message.WhichOneof("signal") == "access_expiring":
        raise TokenExpires


def keep_streaming(gateway, stream):
    """Iterates `stream(stub)` on one connection after another; each item says that the connection works."""
    failures, unexplained_since, has_renewed = 0, None, not CAN_RENEW
    while True:
        told_delay_s = None
        try:
            with connect(gateway) as channel:
                stub = services.OrderStreamServiceStub(grpc.intercept_channel(channel, WithToken()))
                for _ in stream(stub):
                    failures, unexplained_since, has_renewed = 0, None, not CAN_RENEW
        except TokenExpires:
            # Streams that share a token do not all come back at once.
            time.sleep(random.uniform(0, 0.5))
            continue
        except grpc.RpcError as error:
            is_of_gateway, told_delay_s = details_of(error)
            verdict = verdict_on(error.code(), is_of_gateway, told_delay_s)
            unexplained_since = (unexplained_since or time.monotonic()) if verdict == "unexplained" else None
            is_too_long = unexplained_since is not None and time.monotonic() - unexplained_since >= REFUSAL_PATIENCE_S
            if verdict == "final" or is_too_long or (verdict == "unauthenticated" and has_renewed):
                raise
            has_renewed = has_renewed or verdict == "unauthenticated"
            print(f"interrupted: {error.code().name}: {error.details()}", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            return
        failures = min(failures + 1, 7)
        # Jitter keeps clients that failed together from coming back together; a gateway that says when means it.
        time.sleep(min(LONGEST_DELAY_S, max(told_delay_s or 0, 0.1 * 2**failures * random.uniform(0.5, 1))))


def show(event):
    """Prints an event as one line of JSON."""
    status = messages.OrderStatus.Name(event.status)
    line = {"event_id": event.event_id, "order_id": event.order_id, "order_version": event.order_version, "status": status}
    print(json.dumps(line), flush=True)
