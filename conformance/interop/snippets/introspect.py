# pip install requests
import requests

def introspect(token):
    reply = requests.post(f"{ISSUER}/oauth/introspect", data={"token": token},
                          auth=(CLIENT_ID, CLIENT_SECRET), timeout=5)
    reply.raise_for_status()  # 503 is not a yes
    claims = reply.json()
    return claims if claims["active"] else None
