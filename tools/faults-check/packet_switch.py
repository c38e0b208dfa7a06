"""A network in user space: carries IP packets between the TUN devices of network namespaces, and breaks what it is told to.

netem is a module that many kernels come without; TUN is there nearly everywhere. As with netem, what is broken are packets: sockets on
both ends stay open, and their TCP sends again, waits longer and gives up as over a wire.

Arguments: one `device=address[,address]` for each device that is to be made. A line of JSON on stdin replaces all rules (a list of
{"from", "to", "delay_ms", "jitter_ms", "loss", "drop"}, each for one direction); the line on stdout that answers it counts what the
former ones did. Ends with its stdin.
"""

import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
LARGEST_PACKET = 65536
TCP = 6


def open_device(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


class Rules:
    """What is broken now, and how often it was."""

    def __init__(self, rules):
        self.by_way = {(socket.inet_aton(rule["from"]), socket.inet_aton(rule["to"])): rule for rule in rules}
        self.counts = {"packets": 0, "delayed": 0, "dropped": 0}
        self.connections = set()

    def delay_of(self, packet: bytes):
        """Seconds that the packet is held up; None when it is lost."""
        source, target = packet[12:16], packet[16:20]
        rule = self.by_way.get((source, target))
        if rule is None:
            return 0
        self.counts["packets"] += 1
        if packet[9] == TCP:
            header = (packet[0] & 15) * 4
            ends = (source + packet[header : header + 2], target + packet[header + 2 : header + 4])
            self.connections.add(frozenset(ends))
        if rule["drop"] or random.random() < rule["loss"]:
            self.counts["dropped"] += 1
            return None
        if rule["delay_ms"] == 0:
            return 0
        self.counts["delayed"] += 1
        return max(0, rule["delay_ms"] + random.uniform(-1, 1) * rule["jitter_ms"]) / 1000

    def report(self):
        return {**self.counts, "connections": len(self.connections)}


def main() -> None:
    devices = {}
    for argument in sys.argv[1:]:
        name, addresses = argument.split("=")
        device = open_device(name)
        for address in addresses.split(","):
            devices[socket.inet_aton(address)] = device
    commands = sys.stdin.buffer.raw
    rules = Rules([])
    late = []  # (when, number, device, packet): the number keeps those of one time in order.
    number = 0
    unread = b""
    print(json.dumps({"ready": True}), flush=True)

    def deliver(device: int, packet: bytes) -> None:
        try:
            os.write(device, packet)
        except OSError:
            pass  # The device is not up, or its queue is full: a wire would lose the packet, too.

    while True:
        wait = max(0, late[0][0] - time.monotonic()) if late else None
        readable, _, _ = select.select([commands, *set(devices.values())], [], [], wait)
        for ready in readable:
            if ready is commands:
                read = os.read(commands.fileno(), LARGEST_PACKET)
                if not read:
                    return
                *lines, unread = (unread + read).split(b"\n")
                for line in lines:
                    print(json.dumps(rules.report()), flush=True)
                    rules = Rules(json.loads(line))
                continue
            try:
                packet = os.read(ready, LARGEST_PACKET)
            except OSError:
                continue
            if packet[0] >> 4 != 4 or (device := devices.get(packet[16:20])) is None:
                continue
            delay = rules.delay_of(packet)
            if delay is None:
                continue
            if delay == 0:
                deliver(device, packet)
            else:
                number += 1
                heapq.heappush(late, (time.monotonic() + delay, number, device, packet))
        now = time.monotonic()
        while late and late[0][0] <= now:
            _, _, device, packet = heapq.heappop(late)
            deliver(device, packet)


main()
