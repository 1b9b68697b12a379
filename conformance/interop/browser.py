"""A browser that trusts who it is told to trust."""

import requests

LONGEST_ANSWER = 10


class Browser(requests.Session):
    """Trusts one CA, whatever the environment says, and does not wait for ever."""

    def __init__(self, ca=True):
        super().__init__()
        self.trust_env, self.verify = False, ca

    def request(self, method, url, **options):
        return super().request(method, url, **{"timeout": LONGEST_ANSWER, **options})
