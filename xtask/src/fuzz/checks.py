"""What a contract cannot say. schemathesis holds that a request as the schema wants it must succeed; here it may be
refused with one of the reasons below, and with no other. All other checks are schemathesis' own."""

import re

import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

# `code` of a problem -> which field and message, and why the schema does not say it.
BEYOND_THE_SCHEMA = [
    # A cursor is opaque: only the list that gave it knows it.
    ("invalid_query", "after", "is not a cursor of this list"),
    # To JSON Schema 5.0 is an integer; ours are written without a fraction.
    ("invalid_body", ".*", "invalid type: floating point `-?[0-9]+.0`, expected"),
    # JSON Schema compares whole items only; these have a key.
    ("invalid_body", ".*", "stands twice|.* stands in more than one line"),
    # PostgreSQL keeps no NUL in text. Only a pattern in each field could say so.
    ("invalid_(query|path)", ".*", "must (be UTF-8 without|not contain) NUL"),
    # The last character checks the others.
    ("invalid_(path|body)", "tracking_number", "a tracking number is"),
    # Any number of a range but zero: what writes our contracts has no `not`.
    ("invalid_body", ".*", "must be a whole number from -[0-9]+ to [0-9]+, and not 0"),
    ("invalid_body", ".*", "must be from 1 to [0-9]+ minor units, or the negative of it"),
]
# These say what form the request must have, which is the schema's business. Any other code is a refusal for a reason
# of the business (another currency, a country without a carrier, a version that has passed, a credential).
FORM = {"invalid_body", "invalid_query", "invalid_path", "invalid_header", "malformed_json", "unsupported_media_type"}


@schemathesis.check
def positive_data_is_accepted_or_refused_for_a_reason(ctx, response, case):
    if refused_for_a_reason(response):
        return None
    return positive_data_acceptance(ctx, response, case)


def refused_for_a_reason(response):
    if response.status_code < 400:
        return False
    try:
        problem = response.json()
    except ValueError:
        # Only auth's pages are not JSON: whom they refuse, RFC 6749 and OpenID Connect say, not their schemas.
        return response.headers.get("content-type", [""])[0].startswith("text/html")
    if "error" in problem:
        # Likewise (RFC 6749, section 5.2).
        return True
    code = problem["code"]
    errors = problem.get("errors", [])
    return code not in FORM or bool(errors) and all(beyond_the_schema(code, error) for error in errors)


def beyond_the_schema(code, error):
    return any(
        re.fullmatch(known, code) and re.fullmatch(field, error["field"]) and re.match(message, error["message"])
        for known, field, message in BEYOND_THE_SCHEMA
    )
