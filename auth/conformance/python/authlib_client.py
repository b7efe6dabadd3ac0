"""Authlib: a web application's session, and what becomes of its tokens."""

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.integrations.base_client.errors import OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from suite import REDIRECT, WORLD, check, comes_back, forget, parameters, register

ISSUER = WORLD["issuer"]
SERVER = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()


def session(client, method="client_secret_basic"):
    return OAuth2Session(
        client["id"],
        client.get("secret"),
        scope="openid email offline_access order:read",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
        token_endpoint_auth_method=method if client.get("secret") else "none",
        revocation_endpoint_auth_method=method,
        default_timeout=10,
    )


def log_in(client, method="client_secret_basic"):
    forget()
    it = session(client, method)
    verifier, nonce = generate_token(48), generate_token()
    url, state = it.create_authorization_url(SERVER["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
    callback = comes_back(url)
    token = it.fetch_token(SERVER["token_endpoint"], authorization_response=callback, code_verifier=verifier, state=state)
    return it, token, nonce


def refused(body, code):
    try:
        outcome = body()
    except OAuthError as error:
        assert error.error == code, error
        return
    raise AssertionError(f"was not refused: {outcome}")


for kind, name, algorithm in [("confidential", "web", "RS256"), ("public", "app", "ES256")]:

    @check(f"a {kind} client logs a user in, and its ID token, of {algorithm}, holds what the standard demands")
    def _():
        client = WORLD["clients"][name]
        _, token, nonce = log_in(client)
        keys = KeySet.import_key_set(requests.get(SERVER["jwks_uri"], timeout=10).json())
        decoded = jwt.decode(token["id_token"], keys, algorithms=[algorithm])
        options = {"iss": {"values": [ISSUER]}, "aud": {"values": [client["id"]]}}
        params = {"nonce": nonce, "access_token": token["access_token"], "client_id": client["id"]}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate(leeway=5)
        assert claims["sub"] == WORLD["users"]["alice"], claims


@check("the secret may come in the form as well")
def _():
    _, token, _ = log_in(WORLD["clients"]["web"], "client_secret_post")
    assert token["token_type"] == "Bearer", token


@check("the session asks userinfo with its token")
def _():
    it, _, _ = log_in(WORLD["clients"]["app"])
    told = it.get(SERVER["userinfo_endpoint"]).json()
    assert told["email"] == "alice@example.com", told


@check("a token is introspected, refreshed and revoked")
def _():
    it, token, _ = log_in(WORLD["clients"]["web"])
    told = it.introspect_token(SERVER["introspection_endpoint"], token["access_token"]).json()
    assert told["active"] and told["client_id"] == WORLD["clients"]["web"]["id"], told
    fresh = it.refresh_token(SERVER["token_endpoint"], refresh_token=token["refresh_token"])
    assert fresh["refresh_token"] != token["refresh_token"], "not rotated"
    assert it.revoke_token(SERVER["revocation_endpoint"], fresh["refresh_token"]).status_code == 200
    told = it.introspect_token(SERVER["introspection_endpoint"], fresh["access_token"]).json()
    assert told == {"active": False}, told


@check("a refresh token that is used again ends the grant")
def _():
    it, token, _ = log_in(WORLD["clients"]["web"])
    fresh = dict(it.refresh_token(SERVER["token_endpoint"], refresh_token=token["refresh_token"]))
    refused(lambda: it.refresh_token(SERVER["token_endpoint"], refresh_token=token["refresh_token"]), "invalid_grant")
    refused(lambda: it.refresh_token(SERVER["token_endpoint"], refresh_token=fresh["refresh_token"]), "invalid_grant")


@check("a machine gets a token for itself")
def _():
    client = WORLD["clients"]["machine"]
    it = OAuth2Session(client["id"], client["secret"], scope="order:read", default_timeout=10)
    token = it.fetch_token(SERVER["token_endpoint"], grant_type="client_credentials")
    assert token["scope"] == "order:read" and "refresh_token" not in token, token


@check("a refusal comes back with state and iss")
def _():
    it = session(WORLD["clients"]["app"])
    url, state = it.create_authorization_url(SERVER["authorization_endpoint"], code_verifier=generate_token(48), response_mode="fragment")
    told = parameters(comes_back(url))
    assert told["error"] and told["state"] == state and told["iss"] == ISSUER, told


@check("a machine says who it is by an assertion that it signs")
def _():
    key = RSAKey.generate_key(2048, parameters={"kid": "of-the-script", "use": "sig"})
    client = register(method="private_key_jwt", jwks={"keys": [key.as_dict(private=False)]}, grant_types=["client_credentials"])
    it = OAuth2Session(client["id"], key.as_pem(private=True).decode(), scope="order:read", token_endpoint_auth_method="private_key_jwt", default_timeout=10)
    it.register_client_auth_method(PrivateKeyJWT(SERVER["token_endpoint"], headers={"kid": "of-the-script"}))
    token = it.fetch_token(SERVER["token_endpoint"], grant_type="client_credentials")
    assert token["scope"] == "order:read", token
