"""HTTP to a Git server: only to addresses that a user may make Wherry connect to, also after a redirect."""

import socket
import ssl

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from wherry.clusters.addresses import AddressRules

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0


def guarded_pool(rules: AddressRules, authority: str | None) -> urllib3.PoolManager:
    """Connections raise `AddressRefused` before the first byte. `authority` is PEM to trust."""

    class GuardedHttp(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, rules)

    class GuardedHttps(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, rules)

    class HttpPool(HTTPConnectionPool):
        ConnectionCls = GuardedHttp

    class HttpsPool(HTTPSConnectionPool):
        ConnectionCls = GuardedHttps

    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        retries=urllib3.Retry(0, redirect=3),
        ssl_context=ssl.create_default_context(cadata=authority),
    )
    pool.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
    return pool


def _connect(connection: HTTPConnection, rules: AddressRules) -> socket.socket:
    """To the first address that answers; all that the name stands for are asked about first."""
    host, port = connection.host.strip("[]"), connection.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(connection.host, connection, reason) from error
    for *_, address in found:
        rules.check(host, str(address[0]))
    seconds = CONNECT_SECONDS
    problem: OSError | None = None
    for *_, address in found:
        try:
            made = socket.create_connection((str(address[0]), port), seconds)
        except OSError as error:
            problem = error
        else:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(connection, f"{host} did not answer within {seconds:.0f} s") from problem
    raise NewConnectionError(connection, f"{host} cannot be reached: {problem}") from problem
