#!/usr/bin/env python3
"""Captures that no wire of tests/support/wires.c gives: what surrounds a session, or what became of its file. From the session of
tests/dialogs/v19-pipelined-group.dlg as raw IP (../made); the same octets each time.

    tests/pcap/odd/make.py       writes all of them beside itself
"""
import os, struct

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = os.path.join(HERE, '..', 'made', 'v19-pipelined-group@raw-ip.pcap')
RAW_IP = 101
FIN, SYN, PSH, ACK = 1, 2, 8, 16

def read(path):
    octets = open(path, 'rb').read()
    at, packets = 24, []
    while at < len(octets):
        sec, usec, caplen, _ = struct.unpack_from('<IIII', octets, at)
        packets.append((sec * 1000000 + usec, octets[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    return packets

def pcap(packets, tail=b''):
    head = struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, RAW_IP)
    return head + b''.join(struct.pack('<IIII', t // 1000000, t % 1000000, len(p), len(p)) + p for t, p in packets) + tail

def pcapng(packets):
    def block(kind, body):
        n = 12 + len(body)
        return struct.pack('<II', kind, n) + body + struct.pack('<I', n)
    out = block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack('<HHI', RAW_IP, 0, 262144))
    for t, p in packets:
        out += block(6, struct.pack('<IIIII', 0, t >> 32, t & 0xffffffff, len(p), len(p)) + p + bytes(-len(p) % 4))
    return out

def checksum(octets):
    n = sum(struct.unpack('>%dH' % ((len(octets) + 1) // 2), octets + bytes(len(octets) % 2)))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff

def ip(protocol, source, destination, payload, ident=0):
    head = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(payload), ident, 0, 64, protocol, 0) + source + destination
    return head[:10] + struct.pack('>H', checksum(head)) + head[12:] + payload

class Segment:
    def __init__(self, t, packet):
        self.t, self.source, self.destination = t, packet[12:16], packet[16:20]
        tcp = packet[(packet[0] & 15) * 4:struct.unpack_from('>H', packet, 2)[0]]
        self.sport, self.dport, self.seq, self.ack, offset, self.flags = struct.unpack_from('>HHIIBB', tcp)
        self.data = tcp[(offset >> 4) * 4:]

    def at(self, **changes):
        other = Segment.__new__(Segment)
        other.__dict__.update(self.__dict__, **changes)
        return other

    def packet(self):
        tcp = struct.pack('>HHIIBBHHH', self.sport, self.dport, self.seq & 0xffffffff, self.ack & 0xffffffff, 0x50, self.flags, 65535, 0, 0)
        pseudo = self.source + self.destination + struct.pack('>HH', 6, len(tcp) + len(self.data))
        tcp = tcp[:16] + struct.pack('>H', checksum(pseudo + tcp + self.data)) + tcp[18:]
        return self.t, ip(6, self.source, self.destination, tcp + self.data)

def icmp(t, kind, code, word, segment):
    """An error from a router, with the first octets of what it is about: RFC 1812 4.3.2.3 as many as fit, RFC 792 only eight."""
    quoted = segment.packet()[1]
    body = struct.pack('>BBHI', kind, code, 0, word) + quoted
    return t, ip(1, bytes([203, 0, 113, 1]), segment.source, body[:2] + struct.pack('>H', checksum(body)) + body[4:])

def with_icmp(session):
    """Behind each segment with text: too large for the next link, and no time left, both quoting it whole."""
    out = []
    for s in session:
        out.append(s.packet())
        if s.data:
            out += [icmp(s.t, 3, 4, 1280, s), icmp(s.t, 11, 0, 0, s)]
    return out

def in_tunnel(session, port, preface):
    """The client speaks to a proxy first; preface: (by the client, octets)."""
    first = next(i for i, s in enumerate(session) if s.data)
    client = session[0].source
    up, down = (next(s for s in session[:first + 1] if (s.source == client) == is_client) for is_client in (True, False))
    seq = {True: up.seq + 1, False: down.seq + 1}
    out, start = list(session[:first]), dict(seq)
    for by_client, octets in preface:
        out.append((up if by_client else down).at(t=session[first].t, seq=seq[by_client], ack=seq[not by_client], flags=PSH | ACK, data=octets))
        seq[by_client] += len(octets)
    for s in session[first:]:
        mine = s.source == client
        out.append(s.at(seq=s.seq + seq[mine] - start[mine], ack=s.ack + seq[not mine] - start[not mine]))
    return [(s.at(dport=port) if s.source == client else s.at(sport=port)).packet() for s in out]

def anonymised_by_hand(session):
    """Names were replaced in the file: in the second copy of MAIL otherwise than in the first, and the greeting lost an octet."""
    out = []
    for s in session:
        if s.data.startswith(b'220 '):
            s = s.at(seq=s.seq, data=s.data[:6]), s.at(seq=s.seq + 7, data=s.data[7:])
            out += [s[0].packet(), s[1].packet()]
            continue
        out.append(s.packet())
        if s.data.startswith(b'MAIL '):
            out.append(s.at(data=s.data.replace(b'a@b.example', b'x@y.example', 1)).packet())
    return out

def main():
    packets = read(BASE)
    session = [Segment(t, p) for t, p in packets]
    target = bytes([192, 0, 2, 25]) + struct.pack('>H', 25)
    socks = [(True, b'\5\1\0'), (False, b'\5\0'), (True, b'\5\1\0\1' + target), (False, b'\5\0\0\1' + bytes(6))]
    connect = [(True, b'CONNECT mx.example:25 HTTP/1.1\r\nHost: mx.example:25\r\n\r\n'), (False, b'HTTP/1.1 200 Connection established\r\n\r\n')]
    files = {
        'icmp-errors.pcap': pcap(with_icmp(session)),
        'pcapng-called.pcap': pcapng(packets),
        'pcap-called.pcapng': pcap(packets),
        'record-of-3.9-GB.pcap': pcap(packets, struct.pack('<IIII', packets[-1][0] // 1000000, 0, 3900000000, 3900000000) + b'E'),
        'inside-socks5.pcap': pcap(in_tunnel(session, 1080, socks)),
        'inside-http-connect.pcap': pcap(in_tunnel(session, 3128, connect)),
        'anonymised-by-hand.pcap': pcap(anonymised_by_hand(session)),
    }
    for name, octets in files.items():
        with open(os.path.join(HERE, name), 'wb') as f:
            f.write(octets)

main()
