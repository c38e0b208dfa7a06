"""The contract as Python modules, made from proto/ when this is imported, and a stream that outlives its connections."""

import json
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
FINAL_BY_GATEWAY = {Code.PERMISSION_DENIED, Code.UNAUTHENTICATED, Code.UNIMPLEMENTED}
INTERRUPTIONS = {Code.UNAVAILABLE, Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.ABORTED}

# How long refusals are tried again that carry nothing of a gateway's: a proxy that starts is over it by then.
REFUSAL_PATIENCE_S = 300
LONGEST_DELAY_S = 3_600


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
    """`final`: no retry mends it; `interrupted`: try for as long as it takes; `unexplained`: nobody knows, try for a while."""
    if code in ALWAYS_FINAL:
        return "final"
    if code in FINAL_BY_GATEWAY:
        return "final" if is_of_gateway else "unexplained"
    is_told = is_of_gateway or delay_s is not None
    return "interrupted" if is_told or code in INTERRUPTIONS else "unexplained"


def keep_streaming(gateway, stream):
    """Iterates `stream(stub)` on one connection after another; each item says that the connection works."""
    failures, unexplained_since = 0, None
    while True:
        told_delay_s = None
        try:
            with grpc.insecure_channel(gateway, options=KEEPALIVE) as channel:
                for _ in stream(services.OrderStreamServiceStub(channel)):
                    failures, unexplained_since = 0, None
        except grpc.RpcError as error:
            is_of_gateway, told_delay_s = details_of(error)
            verdict = verdict_on(error.code(), is_of_gateway, told_delay_s)
            unexplained_since = (unexplained_since or time.monotonic()) if verdict == "unexplained" else None
            is_too_long = unexplained_since is not None and time.monotonic() - unexplained_since >= REFUSAL_PATIENCE_S
            if verdict == "final" or is_too_long:
                raise
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
