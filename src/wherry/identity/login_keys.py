"""Login keys: the password that an access key logs in with, worked out from its secret without any server.

`printf "$AK" | openssl dgst -binary -sha256 -hmac "$SK" | od -An -vtx1 | sed 's/[ \\n]//g' | sed 'N;s/\\n//'`
"""

import hashlib
import hmac


def login_key(access_key_id: str, secret: str) -> str:
    """Hexadecimal HMAC-SHA256 of the key's id under its secret: 64 lowercase digits."""
    return hmac.digest(secret.encode(), access_key_id.encode(), hashlib.sha256).hex()


def login_key_hash(key: str) -> str:
    """What the server keeps of a login key. It has 256 random bits, so a fast hash guards it well."""
    return hashlib.sha256(key.encode()).hexdigest()
