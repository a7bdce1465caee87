"""botocore's own log lines hold no token, not even those that no test server asks for."""

import logging

import pytest

from headgate.datasets.s3_logs import mask_secrets

NAMES = ["WebIdentityToken", "SAMLAssertion", "SubjectToken", "AuthorizationToken", "SessionToken"]
FORMS = ["{{'{name}': '{secret}', 'Version': '1'}}", '{{"{name}": "{secret}"}}', "<{name}>{secret}</{name}>"]
SECRET = "eyJhbGciOi"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_a_token_is_masked_in_whatever_form_it_stands(name: str, form: str, caplog: pytest.LogCaptureFixture) -> None:
    mask_secrets()
    with caplog.at_level(logging.DEBUG, "botocore.endpoint"):
        logging.getLogger("botocore.endpoint").debug("Making request with %s", form.format(name=name, secret=SECRET))
    assert SECRET not in caplog.text
    assert name in caplog.text
