"""The contract as Python modules, made from proto/ when this is imported, and a stream that outlives its connections."""

import json
import pathlib
import random
import sys
import time

import grpc

sys.path.append(str(pathlib.Path(__file__).parents[2] / "proto"))
messages, services = grpc.protos_and_services("orders/v1/order_stream.proto")

# Finds a gateway that vanished without a word.
KEEPALIVE = [("grpc.keepalive_time_ms", 15_000), ("grpc.keepalive_timeout_ms", 5_000)]

# What the same request gets again and again, on any gateway.
PERMANENT = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNIMPLEMENTED,
}


def keep_streaming(gateway, stream):
    """Iterates `stream(stub)` on one connection after another; each item says that the connection works."""
    failures = 0
    while True:
        try:
            with grpc.insecure_channel(gateway, options=KEEPALIVE) as channel:
                for _ in stream(services.OrderStreamServiceStub(channel)):
                    failures = 0
        except grpc.RpcError as error:
            if error.code() in PERMANENT:
                raise
            print(f"interrupted: {error.code().name}: {error.details()}", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            return
        failures = min(failures + 1, 7)
        # Jitter keeps clients that failed together from coming back together.
        time.sleep(0.1 * 2**failures * random.uniform(0.5, 1))


def show(event):
    """Prints an event as one line of JSON."""
    status = messages.OrderStatus.Name(event.status)
    line = {"event_id": event.event_id, "order_id": event.order_id, "order_version": event.order_version, "status": status}
    print(json.dumps(line), flush=True)
