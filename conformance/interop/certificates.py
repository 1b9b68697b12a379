"""Certification authorities of a test, and what they certify for loopback."""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(days=1)


class Certified:
    """Three files in `folder`: `NAME.pem` and `NAME.key` for 127.0.0.1, and the CA that vouches for them."""

    def __init__(self, folder, name):
        self.ca = str(folder / f"{name}-ca.pem")
        self.certificate = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca_name = f"{name} ca"
        ca = certificate(ca_name, ca_key, ca_name, ca_key, [x509.BasicConstraints(True, 0)])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        leaf = certificate(
            name,
            key,
            ca_name,
            ca_key,
            [
                x509.SubjectAlternativeName([address]),
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            ],
        )
        pathlib.Path(self.ca).write_bytes(pem(ca))
        self.certificate.write_bytes(pem(leaf))
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def certificate(subject, key, issuer, issuer_key, extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LIFETIME)
        .not_valid_after(now + LIFETIME)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(issuer_key, hashes.SHA256())


def pem(certified):
    return certified.public_bytes(serialization.Encoding.PEM)
