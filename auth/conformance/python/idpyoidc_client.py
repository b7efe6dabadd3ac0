"""idpyoidc: a relying party that discovers, registers itself, logs in, checks everything it is told and asks userinfo."""

import json

import requests
from idpyoidc.client.defaults import DEFAULT_OIDC_SERVICES
from idpyoidc.client.rp_handler import RPHandler
from idpyoidc.message.oidc import RegistrationResponse

from suite import REDIRECT, WORLD, check, comes_back, forget, parameters, register

ISSUER = WORLD["issuer"]
PKCE = {
    "pkce": {
        "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
        "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
    }
}
SERVICES = {
    **DEFAULT_OIDC_SERVICES,
    "registration_read": {"class": "idpyoidc.client.oidc.read_registration.RegistrationRead"},
}


def handler(method, client=None, more=None, httpc=None):
    configuration = {
        "issuer": ISSUER,
        "client_type": "oidc",
        "redirect_uris": [REDIRECT],
        "application_type": "native",
        "scopes_supported": ["openid", "profile", "email"],
        "preference": {
            "response_types": ["code"],
            "application_type": "native",
            "scope": ["openid", "profile", "email"],
            "token_endpoint_auth_method": method,
            **(more or {}),
        },
        "add_ons": PKCE,
    }
    if client:
        configuration["client_id"] = client["id"]
        if "secret" in client:
            configuration["client_secret"] = client["secret"]
    configurations = {"suite": configuration}
    return RPHandler(base_url="http://127.0.0.1", client_configs=configurations, services=SERVICES, httpc=httpc, httpc_params={"timeout": 10})


def log_in(rp):
    forget()
    begun = rp.begin("suite")
    url = begun if isinstance(begun, str) else begun["url"]
    told = parameters(comes_back(url))
    outcome = rp.finalize(told["iss"], told)
    assert "error" not in outcome, outcome
    return outcome


def signed_with(outcome, algorithm):
    assert outcome["id_token"].jws_header["alg"] == algorithm, outcome["id_token"].jws_header


@check("a relying party finds the metadata, logs in with PKCE, and checks an ID token of RS256 and userinfo")
def _():
    outcome = log_in(handler("client_secret_basic", WORLD["clients"]["web"]))
    assert outcome["userinfo"]["sub"] == WORLD["users"]["alice"], outcome
    assert outcome["userinfo"]["email"] == "alice@example.com", outcome["userinfo"]
    assert outcome["id_token"]["iss"] == ISSUER, outcome["id_token"]
    signed_with(outcome, "RS256")


@check("one that is registered for ES256 checks an ID token of that")
def _():
    client = register(secret=True, id_token_signed_response_alg="ES256")
    outcome = log_in(handler("client_secret_basic", client, {"id_token_signed_response_alg": "ES256"}))
    signed_with(outcome, "ES256")


@check("its secret may come in the form as well")
def _():
    outcome = log_in(handler("client_secret_post", WORLD["clients"]["web"]))
    assert outcome["token"], outcome


def with_initial_access_token(method, url, data=None, headers=None, **more):
    """The library sends no token when it registers, and no scope, but takes no answer with a scope that it does not know."""
    headers = dict(headers or {})
    if method == "POST" and url.endswith("/register"):
        headers["Authorization"] = f"Bearer {WORLD['initial_access_token']}"
        data = json.dumps({**json.loads(data), "scope": "openid"})
    return requests.request(method, url, data=data, headers=headers, **more)


@check("it registers itself (RFC 7591), logs in, reads, changes and deletes its registration (RFC 7592)")
def _():
    rp = handler("client_secret_basic", httpc=with_initial_access_token)
    outcome = log_in(rp)
    # It said nothing of that: RS256 is what the standard has.
    signed_with(outcome, "RS256")
    client = rp.issuer2rp[ISSUER]
    registered = client.get_context().registration_response
    read = client.do_request("registration_read")
    assert isinstance(read, RegistrationResponse), read
    assert read["client_id"] == registered["client_id"] and read["redirect_uris"] == [REDIRECT], read
    # The library knows how to read; what it is told after a change is held to its idea of that as well.
    own = {"Authorization": f"Bearer {registered['registration_access_token']}"}
    where = registered["registration_client_uri"]
    change = {"client_id": read["client_id"], "redirect_uris": [REDIRECT], "client_name": "Changed", "id_token_signed_response_alg": "ES256"}
    changed = requests.put(where, headers=own, json=change, timeout=10)
    assert changed.status_code == 200, changed.text
    RegistrationResponse().from_json(json.dumps(changed.json())).verify()
    read = client.do_request("registration_read")
    assert read["client_name"] == "Changed" and read["id_token_signed_response_alg"] == "ES256", read
    assert requests.delete(where, headers=own, timeout=10).status_code == 204
    refused = requests.get(where, headers=own, timeout=10)
    assert refused.status_code == 401, refused.text
