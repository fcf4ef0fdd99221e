# SPDX-License-Identifier: MIT OR Apache-2.0
"""An OCSP responder on the loopback: each request is answered by `openssl ocsp`,
whose own server would listen on all addresses.

usage: responder.py PORT INDEX CA SIGNER KEY
"""
import http.server
import pathlib
import subprocess
import sys
import tempfile

port, index, authority, signer, key = sys.argv[1:]


class Responder(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = self.rfile.read(min(int(self.headers["Content-Length"]), 65536))
        with tempfile.TemporaryDirectory() as folder:
            asked, answer = pathlib.Path(folder, "request"), pathlib.Path(folder, "response")
            asked.write_bytes(request)
            subprocess.run(
                ["openssl", "ocsp", "-index", index, "-CA", authority, "-rsigner", signer,
                 "-rkey", key, "-reqin", asked, "-respout", answer],
                check=True, stdout=sys.stderr)
            body = answer.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/ocsp-response")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.HTTPServer(("127.0.0.1", int(port)), Responder).serve_forever()
