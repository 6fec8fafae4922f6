#!/usr/bin/env python3
"""Sends the frames of a capture (Ethernet, little endian) into an interface, over and over, at so many octets a second.

    noise.py INTERFACE CAPTURE OCTETS_A_SECOND

Each time round all IPv4 addresses are others, so that it is not the same connections again. Prints how many frames were sent when it is told to end (SIGTERM). While the interface is down nothing is sent.
"""
import errno
import signal
import socket
import struct
import sys
import time

interface, capture, rate = sys.argv[1], sys.argv[2], float(sys.argv[3])
sent, failed = 0, {}


def end(*_):
    print(sent, "frames sent", failed or "")
    sys.exit(0)


def frames(data):
    at = 24
    while at < len(data):
        n = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + n]
        at += 16 + n


signal.signal(signal.SIGTERM, end)
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((interface, 0))
data = open(capture, "rb").read()
start, octets, turn = time.monotonic(), 0, 0
while True:
    turn += 1
    for frame in map(bytearray, frames(data)):
        if frame[12:14] == b"\x08\x00":
            frame[27] ^= turn & 255
            frame[31] ^= turn & 255
            frame[28] ^= turn >> 8
            frame[32] ^= turn >> 8
        try:
            out.send(frame)
            sent += 1
        except OSError as error:
            failed[errno.errorcode[error.errno]] = failed.get(errno.errorcode[error.errno], 0) + 1
        octets += len(frame)
        ahead = octets / rate - (time.monotonic() - start)
        if ahead > 0.01:
            time.sleep(ahead)
        elif ahead < -1:  # it was held up: no burst to make up for it
            start, octets = time.monotonic(), 0
