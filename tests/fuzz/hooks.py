"""An app goes on with the token of the last answer, as the SDKs do. Schemathesis loads this by SCHEMATHESIS_HOOKS."""

import os
import pathlib

import schemathesis

TOKEN = pathlib.Path(os.environ["CLIENT_TOKEN"])


@schemathesis.hook
def before_call(context, case, kwargs):
    case.headers["Authorization"] = TOKEN.read_text()


@schemathesis.hook
def after_call(context, case, response):
    for token in response.headers.get("authorization", [])[:1]:
        TOKEN.write_text(token)
