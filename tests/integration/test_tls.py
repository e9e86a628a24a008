"""A service's TLS, met by foreign peers: who is let in, what is spoken, and certificates that
change while calls are under way. Certificates are the openssl command's."""

import hashlib
import shutil
import signal
import socket
import ssl
import subprocess

import grpc
import pytest

from test_chassis import PATIENCE, insecure, serve, start  # noqa: F401 (fixtures)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """sign(name, san, …): a key and a certificate in the folder, by ca.pem or another CA."""
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*words, **kwargs):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True,
                       timeout=PATIENCE, **kwargs)

    def key(name, subject):
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")

    def sign(name, san="DNS:localhost", subject=None, ca="ca", days=2):
        key(name, subject or f"/CN={name}")
        (folder / f"{name}.ext").write_text(
            f"basicConstraints=critical,CA:FALSE\nsubjectAltName={san}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key",
                "-CAcreateserial", "-days", str(days), "-extfile", f"{name}.ext", "-out",
                f"{name}.pem")

    for ca in ("ca", "other"):
        key(ca, f"/CN={ca}")
        (folder / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\n")
        openssl("x509", "-req", "-in", f"{ca}.csr", "-signkey", f"{ca}.key", "-days", "2",
                "-extfile", "ca.ext", "-out", f"{ca}.pem")
    sign("first")
    sign("second")
    sign("buyer", "URI:spiffe://example.org/buyer,DNS:buyer", "/O=Weft/CN=buyer")
    sign("stranger", ca="other")
    sign("late", days=-1)
    return folder


@pytest.fixture
def folder(authority, tmp_path):
    """Where the service's own files are: those of `first`."""
    folder = tmp_path / "tls"
    folder.mkdir()
    put(authority, folder, "first")
    shutil.copy(authority / "ca.pem", folder / "clients.pem")
    return folder


def put(authority, folder, name):
    for kind in ("key", "pem"):
        shutil.copy(authority / f"{name}.{kind}", folder / f"new.{kind}")
        (folder / f"new.{kind}").rename(folder / f"own.{kind}")


def flags(folder, *more):
    return ["--tls-cert", folder / "own.pem", "--tls-key", folder / "own.key", *more]


def secure(address, authority, who=None):
    pair = [(authority / f"{who}.{kind}").read_bytes() for kind in ("key", "pem")] if who else []
    credentials = grpc.ssl_channel_credentials((authority / "ca.pem").read_bytes(), *pair)
    return grpc.secure_channel(address, credentials, [
        ("grpc.ssl_target_name_override", "localhost"), ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1)])


def connect(address, authority, alpn=("h2",), version=None, ciphers=None):
    """Python's own TLS, open; a refusal is an ssl.SSLError."""
    context = ssl.create_default_context(cafile=authority / "ca.pem")
    if alpn:
        context.set_alpn_protocols(alpn)
    if version:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    host, port = address.rsplit(":", 1)
    raw = socket.create_connection((host, int(port)), timeout=PATIENCE)
    try:
        return context.wrap_socket(raw, server_hostname="localhost")
    except BaseException:
        raw.close()
        raise


def shown(address, authority):
    """The SHA-256 of the certificate that a new connection is shown."""
    with connect(address, authority) as peer:
        return hashlib.sha256(peer.getpeercert(binary_form=True)).hexdigest()


def hash_of(authority, name):
    der = ssl.PEM_cert_to_DER_cert((authority / f"{name}.pem").read_text())
    return hashlib.sha256(der).hexdigest()


def reason(service, wait_until, words):
    def find():
        return [line for line in service.read_log()
                if line["message"] == "handshake failed" and words in line["reason"]]

    return wait_until(find, PATIENCE, f"the service to say {words!r}")


# --- Who is let in --------------------------------------------------------------------------------


def test_clients_show_who_they_are(serve, folder, authority, wait_until):  # noqa: F811
    service = serve(*flags(folder, "--tls-client-ca", folder / "clients.pem", "--log-level",
                           "debug"))
    with secure(service.address, authority, "buyer") as channel:
        assert service.call(channel, "Peer", b"") == (
            b"CN=buyer,O=Weft|spiffe://example.org/buyer|buyer")
    for who, words in [(None, "peer did not return a certificate"),
                       ("stranger", "the peer's certificate is refused: unable to get local"),
                       ("late", "the peer's certificate is refused: certificate has expired")]:
        with secure(service.address, authority, who) as channel:
            with pytest.raises(grpc.RpcError) as caught:
                service.call(channel, "Peer", b"", timeout=PATIENCE)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        reason(service, wait_until, words)


def test_others_are_nobody(serve, folder, authority):  # noqa: F811
    service = serve(*flags(folder))
    with secure(service.address, authority, "buyer") as channel:
        assert service.call(channel, "Peer", b"") == b"nobody"
    plain = serve("--data", folder / "plain", folder=folder)
    with insecure(plain.address) as channel:
        assert service.call(channel, "Peer", b"") == b"nobody"


def test_our_client_shows_its_certificate(serve, build, folder, authority):  # noqa: F811
    service = serve(*flags(folder, "--tls-client-ca", folder / "clients.pem"))

    def ask(*options):
        done = subprocess.run(
            [build / "tests/support/rpc_client", "--ca", authority / "ca.pem", *options,
             service.address, "/parrot/Peer", "x"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout.splitlines()

    named = ["--authority", "localhost"]
    shows = ["--cert", authority / "buyer.pem", "--key", authority / "buyer.key"]
    text = "CN=buyer,O=Weft|spiffe://example.org/buyer|buyer"
    assert ask(*named, *shows) == [f"message {len(text)} {text[:40]}", "server CN=first",
                                   "status OK "]
    (line,) = ask(*named)
    assert line.startswith("status UNAVAILABLE ") and "certificate required" in line
    (line,) = ask("--authority", "bank.example", *shows)
    assert "hostname mismatch, server name bank.example" in line


def test_curl(serve, folder, authority, wait_until):  # noqa: F811
    service = serve(*flags(folder, "--tls-client-ca", folder / "clients.pem", "--log-level",
                           "debug"))
    host, port = service.address.rsplit(":", 1)
    command = ["curl", "-sS", "--http2", "--cacert", authority / "ca.pem", "--connect-to",
               f"localhost:443:{host}:{port}", "https://localhost/", "--write-out",
               "%{http_code}", "--max-time", "60"]
    shows = ["--cert", authority / "buyer.pem", "--key", authority / "buyer.key"]
    done = subprocess.run([*command, *shows], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0 and done.stdout.endswith("405"), (done.stdout, done.stderr)
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert done.returncode != 0 and done.stdout == "000", (done.stdout, done.stderr)
    reason(service, wait_until, "peer did not return a certificate")


# --- What is spoken -------------------------------------------------------------------------------


def test_only_good_practice_is_spoken(serve, folder, authority, wait_until):  # noqa: F811
    service = serve(*flags(folder), "--log-level", "debug")
    with connect(service.address, authority, version=ssl.TLSVersion.TLSv1_2) as peer:
        assert peer.selected_alpn_protocol() == "h2" and peer.compression() is None
        assert "GCM" in peer.cipher()[0] or "CHACHA20" in peer.cipher()[0]
    for count, words, kwargs in [
            (1, "unsupported protocol",
             {"version": ssl.TLSVersion.TLSv1_1, "ciphers": "ALL:@SECLEVEL=0"}),
            (1, "no shared cipher",
             {"version": ssl.TLSVersion.TLSv1_2, "ciphers": "ECDHE-ECDSA-AES128-SHA256"}),
            (2, "no shared cipher",
             {"version": ssl.TLSVersion.TLSv1_2, "ciphers": "AES128-GCM-SHA256"}),
            (1, "no application protocol", {"alpn": ["http/1.1"]})]:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            connect(service.address, authority, **kwargs).close()
        assert len(reason(service, wait_until, words)) == count


def test_who_says_no_protocol_is_hung_up_on(serve, folder, authority):  # noqa: F811
    service = serve(*flags(folder))
    with connect(service.address, authority, alpn=None) as peer:
        assert peer.recv(100) == b""


# --- Certificates that change ---------------------------------------------------------------------


@pytest.mark.parametrize("how", ["hangup", "change"])
def test_new_certificates_disturb_no_call(serve, folder, authority, wait_until, how):  # noqa: F811
    service = serve(*flags(folder), "--workers", "1")
    with secure(service.address, authority) as channel:
        held = channel.unary_unary("/parrot/Hold").future(str(folder / "go").encode(),
                                                          timeout=PATIENCE)
        assert service.call(channel, "Say", b"before") == b"before"
        assert shown(service.address, authority) == hash_of(authority, "first")
        put(authority, folder, "second")
        if how == "hangup":
            service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: service.log("certificates are new"), PATIENCE, "a reload")
        assert shown(service.address, authority) == hash_of(authority, "second")
        assert service.call(channel, "Say", b"after") == b"after" and not held.done()
        (folder / "go").touch()
        assert held.result() == b"at last"


def test_bad_certificates_are_not_taken(serve, folder, authority, wait_until):  # noqa: F811
    service = serve(*flags(folder))
    shutil.copy(authority / "second.key", folder / "own.key")
    service.process.send_signal(signal.SIGHUP)
    line = wait_until(lambda: service.log("certificates stay as they were"), PATIENCE, "a refusal")
    assert (line["level"], line["side"]) == ("warning", "server")
    assert "own.key does not belong to" in line["reason"]
    assert shown(service.address, authority) == hash_of(authority, "first")


def test_a_new_authority_for_clients(serve, folder, authority, wait_until):  # noqa: F811
    service = serve(*flags(folder, "--tls-client-ca", folder / "clients.pem"))
    with secure(service.address, authority, "buyer") as old:
        assert service.call(old, "Peer", b"").startswith(b"CN=buyer")
        shutil.copy(authority / "other.pem", folder / "clients.pem")
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: service.log("certificates are new"), PATIENCE, "a reload")
        with secure(service.address, authority, "stranger") as channel:
            assert service.call(channel, "Peer", b"") == b"CN=stranger||localhost"
        with secure(service.address, authority, "buyer") as channel:
            with pytest.raises(grpc.RpcError):
                service.call(channel, "Peer", b"", timeout=PATIENCE)
        assert service.call(old, "Peer", b"").startswith(b"CN=buyer")
