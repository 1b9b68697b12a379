"""Proofs of a key (RFC 9449 §4.2), signed by PyJWT."""

import base64
import hashlib
import json
import time
import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric import ec


class Key:
    """A key on P-256, made for the occasion."""

    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key()))
        self.jwk = {name: public[name] for name in ("kty", "crv", "x", "y")}

    def proof(self, method, uri, token=None):
        claims = {"jti": str(uuid.uuid4()), "htm": method, "htu": uri, "iat": int(time.time())}
        if token:
            hashed = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        header = {"typ": "dpop+jwt", "jwk": self.jwk}
        return jwt.encode(claims, self.private, algorithm="ES256", headers=header)
