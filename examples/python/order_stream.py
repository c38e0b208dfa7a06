"""The contract as Python modules, made from proto/ when this is imported, and a stream that outlives its connections.

From the environment: ORDER_STREAM_CA_FILE (PEM) speaks TLS and trusts what it has; ORDER_STREAM_TOKEN_FILE has a bearer token and is
read before each connection, so that whoever keeps it fresh replaces it; ORDER_STREAM_TOKEN is one that stays.
"""

import collections
import contextlib
import json
import os
import pathlib
import random
import sys
import threading
import time

import grpc

from backoff import Backoff

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

CAN_RENEW = "ORDER_STREAM_TOKEN_FILE" in os.environ


Details = collections.namedtuple("Details", ["is_of_gateway", "delay_s", "reason"])


def details_of(error):
    """Whether a gateway has said it, the seconds after which it wants to be asked again, and the reason, if it says so."""
    is_of_gateway, delay_s, reason = False, None, None
    try:
        trailers = dict(error.trailing_metadata() or ())
        status = status_messages.Status.FromString(trailers.get("grpc-status-details-bin", b""))
        for detail in status.details:
            info, retry = detail_messages.ErrorInfo(), detail_messages.RetryInfo()
            if detail.Unpack(info) and info.domain == "orders.v1":
                is_of_gateway, reason = True, info.reason
            if detail.Is(detail_messages.BadRequest.DESCRIPTOR):
                is_of_gateway = True
            if detail.Unpack(retry):
                delay_s = retry.retry_delay.ToTimedelta().total_seconds()
    except Exception:
        # The call has failed in any case, and whoever is in between may have put something else there.
        pass
    return Details(is_of_gateway, delay_s, reason)


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


def is_token_over(message):
    """Whether to leave a stream whose token is nearly over: where a fresh one can be had, by raising TokenExpires."""
    return CAN_RENEW and message.WhichOneof("signal") == "access_expiring"


def keep_streaming(gateway, stream, stopping=None):
    """Yields the messages of `stream(stub)`, a generator, on one connection after another. Begins none once `stopping` is set."""
    stopping = stopping or threading.Event()
    backoff, unexplained_since, has_renewed = Backoff(), None, not CAN_RENEW
    while not stopping.is_set():
        told_delay_s = None
        try:
            with connect(gateway) as channel:
                stub = services.OrderStreamServiceStub(grpc.intercept_channel(channel, WithToken()))
                with contextlib.closing(stream(stub)) as received:
                    for message in received:
                        # A stream that is only registered may still fail for the same reason as the one before.
                        if message.WhichOneof("signal") != "started":
                            backoff.reset()
                            unexplained_since, has_renewed = None, not CAN_RENEW
                        yield message
        except TokenExpires:
            # Streams that share a token do not all come back at once.
            stopping.wait(random.uniform(0, 0.5))
            continue
        except grpc.RpcError as error:
            is_of_gateway, told_delay_s, _ = details_of(error)
            verdict = verdict_on(error.code(), is_of_gateway, told_delay_s)
            unexplained_since = (unexplained_since or time.monotonic()) if verdict == "unexplained" else None
            is_too_long = unexplained_since is not None and time.monotonic() - unexplained_since >= REFUSAL_PATIENCE_S
            if verdict == "final" or is_too_long or (verdict == "unauthenticated" and has_renewed):
                raise
            has_renewed = has_renewed or verdict == "unauthenticated"
            print(f"interrupted: {error.code().name}: {error.details()}", file=sys.stderr, flush=True)
        stopping.wait(backoff.next_delay_s(told_delay_s))


def status_of(word):
    """The status that is called so in REST: pending."""
    return messages.OrderStatus.Value(f"ORDER_STATUS_{word.upper()}")


def print_line(values):
    """One line of JSON, whole also where several threads print."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def show(event):
    """Prints an event as one line of JSON."""
    status = messages.OrderStatus.Name(event.status)
    print_line({"event_id": event.event_id, "order_id": event.order_id, "order_version": event.order_version, "status": status})
