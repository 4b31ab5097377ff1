"""A proxy that speaks TLS before a node, as its owner would put there for televisions and phones, with a certificate of its own."""

import http.client
import http.server
import ssl
import subprocess
import threading

CHUNK = 1 << 16
SECONDS_MAX = 120


def make(certificate, key, *more):
    """A key and its certificate, for two days."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-keyout", key, "-out", certificate, *more],
        check=True, capture_output=True, timeout=SECONDS_MAX,
    )


class Proxy:
    """Listens at https://localhost:`port`; passes everything on, with the Host header as it came, once `target` is set."""

    def __init__(self, folder):
        folder.mkdir()
        # Whoever is to believe the proxy is given its issuer's certificate.
        self.certificate, issuer_key = folder / "issuer.pem", folder / "issuer-key.pem"
        shown, key = folder / "certificate.pem", folder / "key.pem"
        make(self.certificate, issuer_key, "-subj", "/CN=Owner")
        issued = ("-CA", self.certificate, "-CAkey", issuer_key, "-addext", "basicConstraints=critical,CA:FALSE")
        make(shown, key, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", *issued)
        self.target, proxy = None, self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                proxy.pass_on(self)

            do_HEAD = do_OPTIONS = do_POST = do_GET

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"https://localhost:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def pass_on(self, request):
        """One request there, and its answer back."""
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        node = http.client.HTTPConnection(*self.target, timeout=SECONDS_MAX)
        try:
            node.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name.lower() not in ("connection", "content-length"):
                    node.putheader(name, value)
            node.putheader("Connection", "close")
            if body:
                node.putheader("Content-Length", str(len(body)))
            node.endheaders(body or None)
            answer = node.getresponse()
            request.send_response_only(answer.status, answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in ("connection", "transfer-encoding"):
                    request.send_header(name, value)
            request.send_header("Connection", "close")
            request.end_headers()
            while chunk := answer.read(CHUNK):
                request.wfile.write(chunk)
        except OSError:
            # The program hung up, as players do when they seek.
            pass
        finally:
            request.close_connection = True
            node.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
