"""Connections of boto3 that an abandoned call lets go of.

A read of a socket ends by its timeout only where nothing arrives: a server that drips a byte now and then would keep
the thread of a call that nobody waits for any more. So each connection tells the attempt that runs of its socket, while
an answer is read from it, and the attempt shuts that down when it is abandoned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool

from headgate.datasets.s3_deadline import running_attempt

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["watch"]


class _Told:
    """A connection that tells of its socket before it reads an answer, S3's or that of a proxy to it."""

    sock: Any
    close: Any

    def _tunnel(self) -> None:
        attempt = running_attempt()
        if attempt is not None:
            attempt.hold(self.sock)
        super()._tunnel()  # type: ignore[misc]  # the connection's own
        if attempt is not None and attempt.abandoned.is_set():  # an answer that was cut off looks like a whole one
            self.close()
            raise TimeoutError("nobody waits for it any more")

    def getresponse(self, *arguments: Any, **options: Any) -> Any:
        attempt = running_attempt()
        if attempt is not None:
            attempt.hold(self.sock)
        return super().getresponse(*arguments, **options)  # type: ignore[misc]  # the connection's own


class _Released:
    """A pool in which a connection that comes back is nobody's."""

    def _put_conn(self, connection: Any) -> None:
        attempt = running_attempt()
        if attempt is not None:
            attempt.let_go()
        super()._put_conn(connection)  # type: ignore[misc]  # the pool's own


class _Connection(_Told, AWSHTTPConnection):  # type: ignore[misc]  # botocore's own mixture
    """As botocore's, and watched."""


class _SecureConnection(_Told, AWSHTTPSConnection):  # type: ignore[misc]  # botocore's own mixture
    """As botocore's, and watched."""


class _Pool(_Released, AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(_Released, AWSHTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def watch(client: S3Client) -> None:
    """Have the client's connections, made later, watched; before it is used."""
    # Nothing public leads there. A botocore that has it elsewhere is left as it is: then an abandoned call that is
    # dripped at keeps its thread, and all else holds.
    session = getattr(client._endpoint, "http_session", None)  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    pools = getattr(session, "_pool_classes_by_scheme", None)
    if isinstance(pools, dict):
        pools.update(http=_Pool, https=_SecurePool)
