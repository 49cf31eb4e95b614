"""credentials.csv and the login key that is worked out of it."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.pytest_plugin import require
from wherry.identity.credentials_csv import (
    Credentials,
    InvalidCredentialsFile,
    read_credentials,
    write_credentials,
)
from wherry.identity.login_keys import login_key

KEY = Credentials("ann", "AKIDAKIDAKIDAKIDAKID", "s3cret")
WORDS = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=40)


def test_the_file_is_the_one_that_people_know() -> None:
    assert write_credentials(KEY) == (
        "User Name,Access Key Id,Secret Access Key\r\nann,AKIDAKIDAKIDAKIDAKID,s3cret\r\n"
    )


@given(user=WORDS, key=WORDS, secret=WORDS)
def test_what_is_written_is_read_again(user: str, key: str, secret: str) -> None:
    credentials = Credentials(user, key, secret)
    assert read_credentials(write_credentials(credentials)) == credentials


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffUser Name,Access Key Id,Secret Access Key\r\nann,AKIDAKIDAKIDAKIDAKID,s3cret\r\n",
        "User Name,Access Key Id,Secret Access Key\nann,AKIDAKIDAKIDAKIDAKID,s3cret",
        "User Name,Access Key Id,Secret Access Key\rann,AKIDAKIDAKIDAKIDAKID,s3cret\r",
        '"User Name","Access Key Id","Secret Access Key"\n"ann","AKIDAKIDAKIDAKIDAKID","s3cret"\n',
        "\n\nUser Name,Access Key Id,Secret Access Key\n\n ann , AKIDAKIDAKIDAKIDAKID , s3cret \n",
        "用户名,访问密钥,密钥\nann,AKIDAKIDAKIDAKIDAKID,s3cret\n",
        "User name,Password,Access key ID,Secret access key,Console\nann,,AKIDAKIDAKIDAKIDAKID,s3cret,x\n",
        "Access Key Id,Secret Access Key,User Name\nAKIDAKIDAKIDAKIDAKID,s3cret,ann\n",
    ],
)
def test_relatives_of_the_file_are_read(text: str) -> None:
    assert read_credentials(text) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "User Name,Access Key Id,Secret Access Key\n",
        "a,b,c\nann,AKID\n",
        "a,b,c\nann,,s3cret\n",
        "a,b,c\nann,AKID,\n",
        'a,b,c\n"' + "x" * 200_000 + '"\n',
    ],
)
def test_what_is_no_credentials_file_is_refused(text: str) -> None:
    with pytest.raises(InvalidCredentialsFile):
        read_credentials(text)


def test_the_login_key_is_what_the_documented_line_prints() -> None:
    require("openssl")
    line = (
        'printf "$AK" | openssl dgst -binary -sha256 -hmac "$SK" | od -An -vtx1'
        " | sed 's/[ \\n]//g' | sed 'N;s/\\n//'"
    )
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "AK": KEY.access_key_id, "SK": KEY.secret}
    printed = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=True)
    assert printed.stdout == login_key(KEY.access_key_id, KEY.secret) + "\n"


def test_the_login_key_is_hmac_sha256_in_hexadecimal() -> None:
    # RFC 4231, test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert login_key("what do ya want for nothing?", "Jefe") == expected
