"""Packs bytes as users pack files."""

import bz2
import gzip
import lzma

import pyarrow as pa

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")


def packed(content: bytes, suffix: str) -> bytes:
    """`content` as a file with this suffix holds it; as it is without one."""
    if suffix == ".gz":
        return gzip.compress(content)
    if suffix == ".bz2":
        return bz2.compress(content)
    if suffix == ".xz":
        return lzma.compress(content)
    if suffix == ".zst":
        return bytes(pa.compress(content, codec="zstd", asbytes=True))
    return content
