"""idpyoidc: a relying party that discovers, logs in, checks everything it is told and asks userinfo."""

import requests
from idpyoidc.client.rp_handler import RPHandler

from suite import REDIRECT, WORLD, check, comes_back, forget, parameters

ISSUER = WORLD["issuer"]
SERVER = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()
PKCE = {
    "pkce": {
        "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
        "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
    }
}


def handler(client, method):
    configuration = {
        "issuer": ISSUER,
        # By itself it would take no metadata that do not name RS256.
        "provider_info": SERVER,
        "client_id": client["id"],
        "client_type": "oidc",
        "redirect_uris": [REDIRECT],
        "scopes_supported": ["openid", "profile", "email"],
        "preference": {"response_types": ["code"], "scope": ["openid", "profile", "email"], "token_endpoint_auth_method": method},
        "add_ons": PKCE,
    }
    if "secret" in client:
        configuration["client_secret"] = client["secret"]
    return RPHandler(base_url="http://127.0.0.1", client_configs={"suite": configuration}, httpc_params={"timeout": 10})


def log_in(client, method="client_secret_basic"):
    forget()
    rp = handler(client, method)
    begun = rp.begin("suite")
    url = begun if isinstance(begun, str) else begun["url"]
    told = parameters(comes_back(url))
    outcome = rp.finalize(told["iss"], told)
    assert "error" not in outcome, outcome
    return rp, outcome


@check("a relying party discovers, logs in with PKCE, and checks ID token and userinfo")
def _():
    _, outcome = log_in(WORLD["clients"]["web"])
    assert outcome["userinfo"]["sub"] == WORLD["users"]["alice"], outcome
    assert outcome["userinfo"]["email"] == "alice@example.com", outcome["userinfo"]
    assert outcome["id_token"]["iss"] == ISSUER, outcome["id_token"]


@check("its secret may come in the form as well")
def _():
    _, outcome = log_in(WORLD["clients"]["web"], "client_secret_post")
    assert outcome["token"], outcome
