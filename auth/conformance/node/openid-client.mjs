// openid-client: the code flow of a public and of a confidential client, and what becomes of tokens.
import * as client from 'openid-client'
import { REDIRECT, check, comesBack, done, ensure, forget, refused, world } from './suite.mjs'

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

done()
