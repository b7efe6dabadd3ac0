// openid-client: the code flow of a public and of a confidential client, and what becomes of tokens.
import * as client from 'openid-client'
import { createServer } from 'node:http'
import { createRemoteJWKSet, exportJWK, jwtVerify } from 'jose'
import { REDIRECT, check, comesBack, done, ensure, forget, refused, register, visit, world } from './suite.mjs'

const SCOPE = 'openid profile email offline_access order:read'
const insecure = { execute: [client.allowInsecureRequests] }
const discover = ({ id, secret }, auth) =>
  client.discovery(new URL(world.issuer), id, secret, auth ?? (secret ? undefined : client.None()), insecure)
const grant_refused = (error) => error.error === 'invalid_grant'

async function begin(config, more = {}) {
  const verifier = client.randomPKCECodeVerifier()
  const checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce() }
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope: SCOPE,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...more,
  })
  return { url, checks: { ...checks, idTokenExpected: true } }
}

async function logIn(config, more) {
  await forget()
  const { url, checks } = await begin(config, more)
  const callback = await comesBack(url)
  return { callback, checks, tokens: await client.authorizationCodeGrant(config, callback, checks) }
}

const app = await discover(world.clients.app)
const web = await discover(world.clients.web)

await check('discovery names the issuer and S256', async () => {
  const metadata = app.serverMetadata()
  ensure(metadata.issuer === world.issuer, metadata.issuer)
  ensure(metadata.supportsPKCE(), 'no S256')
})

for (const [kind, config] of [['public', app], ['confidential', web]]) {
  await check(`a ${kind} client logs a user in with code, PKCE, state, nonce and iss`, async () => {
    const { tokens } = await logIn(config)
    const claims = tokens.claims()
    ensure(claims.sub === world.users.alice && claims.auth_time <= Date.now() / 1000, JSON.stringify(claims))
    ensure(tokens.token_type === 'bearer' && tokens.expires_in > 0, JSON.stringify(tokens))
    const told = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    ensure(told.email === 'alice@example.com' && told.name === 'Alice Ashdown', JSON.stringify(told))
  })

  await check(`a refresh token of a ${kind} client is rotated, and its reuse ends them all`, async () => {
    const { tokens } = await logIn(config)
    const next = await client.refreshTokenGrant(config, tokens.refresh_token)
    ensure(next.refresh_token !== tokens.refresh_token, 'not rotated')
    await client.fetchUserInfo(config, next.access_token, world.users.alice)
    await refused(() => client.refreshTokenGrant(config, tokens.refresh_token), grant_refused)
    await refused(() => client.refreshTokenGrant(config, next.refresh_token), grant_refused)
    await refused(() => client.fetchUserInfo(config, next.access_token, world.users.alice), (error) => error.status === 401)
  })

  await check(`a code of a ${kind} client is redeemed once, and its reuse revokes what it gave`, async () => {
    const { callback, checks, tokens } = await logIn(config)
    await refused(() => client.authorizationCodeGrant(config, callback, checks), grant_refused)
    await refused(() => client.fetchUserInfo(config, tokens.access_token, world.users.alice), (error) => error.status === 401)
  })
}

await check('an answer without iss, or with that of another server, is refused (RFC 9207)', async () => {
  const { url, checks } = await begin(app)
  const callback = await comesBack(url)
  ensure(callback.searchParams.get('iss') === world.issuer, callback.href)
  const forged = new URL(callback)
  forged.searchParams.set('iss', 'https://honest.example')
  const missing = new URL(callback)
  missing.searchParams.delete('iss')
  for (const wrong of [forged, missing]) {
    await refused(() => client.authorizationCodeGrant(app, wrong, checks), (error) => /iss/.test(`${error.cause?.message} ${error.message}`))
  }
})

await check('a user who does not allow it comes back with access_denied, and is asked again next time', async () => {
  const config = await discover(await register({ secret: true }))
  const { url, checks } = await begin(config)
  await forget()
  const denied = await comesBack(url, { user: 'alice', press: 'deny' })
  await refused(() => client.authorizationCodeGrant(config, denied, checks), (error) => error.error === 'access_denied')
  const silent = await begin(config, { prompt: 'none' })
  const answer = await comesBack(silent.url)
  await refused(() => client.authorizationCodeGrant(config, answer, silent.checks), (error) => error.error === 'consent_required')
})

await check('prompt, max_age and login_hint are heeded', async () => {
  await forget()
  const none = await begin(app, { prompt: 'none' })
  const stranger = await comesBack(none.url)
  await refused(() => client.authorizationCodeGrant(app, stranger, none.checks), (error) => error.error === 'login_required')
  const first = await begin(app, { login_hint: 'alice' })
  const before = await client.authorizationCodeGrant(app, await comesBack(first.url), first.checks)
  const known = await begin(app, { prompt: 'none', id_token_hint: before.id_token })
  const again = await client.authorizationCodeGrant(app, await comesBack(known.url), { ...known.checks, maxAge: 3600 })
  ensure(again.claims().auth_time === before.claims().auth_time, 'logged in anew')
  const anew = await begin(app, { prompt: 'login', max_age: '60' })
  const { left, logins } = await visit(anew.url, { user: 'alice', press: 'allow' })
  ensure(logins === 1, 'the password was not asked for')
  await client.authorizationCodeGrant(app, new URL(left), { ...anew.checks, maxAge: 60 })
})

await check('the answer may come by a form that the browser sends (response_mode=form_post)', async () => {
  const { url, checks } = await begin(app, { response_mode: 'form_post' })
  const { left, form } = await comesBack(url)
  const posted = new Request(left, { method: 'POST', body: new URLSearchParams(form) })
  ensure((await client.authorizationCodeGrant(app, posted, checks)).access_token, 'no token')
})

await check('a code with another verifier is refused', async () => {
  const { url, checks } = await begin(app)
  const callback = await comesBack(url)
  const other = { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() }
  await refused(() => client.authorizationCodeGrant(app, callback, other), grant_refused)
})

await check('introspection tells a confidential client what a token is, and after revocation that it is none', async () => {
  const { tokens } = await logIn(web)
  const told = await client.tokenIntrospection(web, tokens.access_token)
  ensure(told.active && told.client_id === world.clients.web.id && told.sub === world.users.alice, JSON.stringify(told))
  await client.tokenRevocation(web, tokens.refresh_token)
  ensure(!(await client.tokenIntrospection(web, tokens.access_token)).active, 'still active')
  await refused(() => client.refreshTokenGrant(web, tokens.refresh_token), grant_refused)
})

await check('a machine gets a token for itself, with the secret in the header or in the form', async () => {
  const { id, secret } = world.clients.machine
  for (const auth of [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)]) {
    const machine = await discover({ id, secret }, auth)
    const tokens = await client.clientCredentialsGrant(machine, { scope: 'inventory:read' })
    ensure(tokens.scope === 'inventory:read' && !tokens.refresh_token && !tokens.id_token, JSON.stringify(tokens))
    const told = await client.tokenIntrospection(machine, tokens.access_token)
    ensure(told.sub === `client:${id}`, JSON.stringify(told))
  }
})

await check('FAPI 2.0: signed assertions, pushed requests, and tokens bound to a key by DPoP', async () => {
  const keys = await client.randomDPoPKeyPair('ES256')
  const jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'of the script', use: 'sig', alg: 'ES256' }] }
  const wish = { method: 'private_key_jwt', jwks, require_par: true, dpop_bound: true }
  const config = await discover(await register(wish), client.PrivateKeyJwt(keys.privateKey))
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  const pushed = async () => {
    await forget()
    const { url, checks } = await begin(config)
    return { url: await client.buildAuthorizationUrlWithPAR(config, url.searchParams, { DPoP }), checks }
  }

  const { url, checks } = await pushed()
  ensure(url.searchParams.get('request_uri').startsWith('urn:ietf:params:oauth:request_uri:'), url.href)
  const callback = await comesBack(url)
  const tokens = await client.authorizationCodeGrant(config, callback, checks, undefined, { DPoP })
  ensure(tokens.token_type === 'dpop', tokens.token_type)
  const told = await client.fetchUserInfo(config, tokens.access_token, world.users.alice, { DPoP })
  ensure(told.email === 'alice@example.com', JSON.stringify(told))
  const confirmed = await client.tokenIntrospection(config, tokens.access_token)
  ensure(confirmed.cnf?.jkt === (await DPoP.calculateThumbprint()), JSON.stringify(confirmed))

  await refused(() => client.fetchUserInfo(config, tokens.access_token, world.users.alice), (error) => error.status === 401)
  const thief = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  await refused(() => client.fetchUserInfo(config, tokens.access_token, world.users.alice, { DPoP: thief }), (error) => error.status === 401)

  const next = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
  await client.fetchUserInfo(config, next.access_token, world.users.alice, { DPoP })
  await refused(() => client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP }), grant_refused)
  await refused(() => client.refreshTokenGrant(config, next.refresh_token, undefined, { DPoP }), grant_refused)

  const again = await comesBack(url)
    .then((back) => back.searchParams.get('error'))
    .catch(() => 'a page')
  ensure(again, 'a pushed request was good twice')
  const past_par = (await begin(config)).url
  const unpushed = await comesBack(past_par).then((back) => back.searchParams.get('error')).catch(() => 'a page')
  ensure(unpushed, 'a client that must push was let in without')
  const without_proof = await pushed()
  const code = await comesBack(without_proof.url)
  await refused(() => client.authorizationCodeGrant(config, code, without_proof.checks), (error) => error.error === 'invalid_dpop_proof' || error.error === 'invalid_grant')
})

await check('a client logs its user out, is told so at the back channel, and finds nobody logged in afterwards', async () => {
  let hear
  const heard = new Promise((resolve) => (hear = resolve))
  const server = createServer(async (request, response) => {
    const body = []
    for await (const piece of request) body.push(piece)
    response.end()
    hear(new URLSearchParams(Buffer.concat(body).toString()).get('logout_token'))
  })
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
  const after = 'http://127.0.0.1/signed-out'
  const backchannel_logout_uri = `http://127.0.0.1:${server.address().port}/backchannel`
  const config = await discover(await register({ secret: true, post_logout_redirect_uris: [after], backchannel_logout_uri }))

  const { tokens } = await logIn(config)
  const parameters = { id_token_hint: tokens.id_token, post_logout_redirect_uri: after, state: 'a state' }
  const { left } = await visit(client.buildEndSessionUrl(config, parameters))
  ensure(left === `${after}?state=a+state` || left === `${after}?state=a%20state`, left)
  const again = await begin(config, { prompt: 'none' })
  const nobody = await comesBack(again.url)
  await refused(() => client.authorizationCodeGrant(config, nobody, again.checks), (error) => error.error === 'login_required')

  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
  const audience = config.clientMetadata().client_id
  const { payload } = await jwtVerify(await heard, keys, { issuer: world.issuer, audience, typ: 'logout+jwt' })
  server.close()
  ensure(payload.sid === tokens.claims().sid && payload.jti && !payload.nonce, JSON.stringify(payload))
  ensure(payload.events['http://schemas.openid.net/event/backchannel-logout'], JSON.stringify(payload))
})

await check('a client registers itself with what an operator handed out, and users log in at it (RFC 7591)', async () => {
  const metadata = {
    client_name: 'One that registered itself',
    redirect_uris: [REDIRECT],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
  }
  const by = (initialAccessToken) =>
    client.dynamicClientRegistration(new URL(world.issuer), metadata, client.ClientSecretBasic(), { ...insecure, initialAccessToken })
  const config = await by(world.initial_access_token)
  const { tokens } = await logIn(config)
  ensure(tokens.claims().aud === config.clientMetadata().client_id, JSON.stringify(tokens.claims()))
  // It said nothing of that: RS256 is what the standard has.
  const { id_token_signed_response_alg } = config.clientMetadata()
  ensure(id_token_signed_response_alg === 'RS256', id_token_signed_response_alg)
  await jwtVerify(tokens.id_token, createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { algorithms: ['RS256'] })
  await refused(() => by('made-up'), (error) => error.status === 401 || error.cause?.[0]?.scheme === 'bearer')
})

await check('a device without a browser gets tokens once its user has allowed it elsewhere (RFC 8628)', async () => {
  const device_code = 'urn:ietf:params:oauth:grant-type:device_code'
  const config = await discover(await register({ grant_types: [device_code, 'authorization_code', 'refresh_token'] }))
  const start = () => client.initiateDeviceAuthorization(config, { scope: SCOPE })
  await forget()
  const started = await start()
  const polled = client.pollDeviceAuthorizationGrant(config, started)
  const landing = await visit(started.verification_uri_complete, { user: 'alice', press: 'allow' })
  ensure(landing.status === 200, JSON.stringify(landing))
  const tokens = await polled
  ensure(tokens.claims().sub === world.users.alice, JSON.stringify(tokens))
  await client.fetchUserInfo(config, tokens.access_token, world.users.alice)
  const denied = await start()
  await visit(denied.verification_uri_complete, { user: 'alice', press: 'deny' })
  await refused(() => client.pollDeviceAuthorizationGrant(config, denied), (error) => error.error === 'access_denied')
})

done()
