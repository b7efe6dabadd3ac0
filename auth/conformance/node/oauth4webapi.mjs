// oauth4webapi: each step by itself, with every check of a response that the library knows.
import * as oauth from 'oauth4webapi'
import { REDIRECT, check, comesBack, done, ensure, forget, refused, world } from './suite.mjs'

const http = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(world.issuer)
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

async function discovered(algorithm) {
  return await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...http, algorithm }))
}
const server = await discovered('oidc')
const web = { client_id: world.clients.web.id, id_token_signed_response_alg: 'RS256' }
const webAuth = oauth.ClientSecretBasic(world.clients.web.secret)
const machine = { client_id: world.clients.machine.id }
const machineAuth = oauth.ClientSecretPost(world.clients.machine.secret)

/** What the gateway gets for a service, or throws that it gets nothing. */
async function exchanged(subject_token, audience) {
  const gateway = { client_id: world.clients.gateway.id }
  const response = await oauth.genericTokenEndpointRequest(
    server,
    gateway,
    oauth.ClientSecretBasic(world.clients.gateway.secret),
    EXCHANGE,
    { subject_token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', audience },
    http,
  )
  const recognizedTokenTypes = { n_a: () => {} }
  return (await oauth.processGenericTokenEndpointResponse(server, gateway, response, { recognizedTokenTypes })).access_token
}

async function logIn(client = web, auth = webAuth) {
  await forget()
  const verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
  const url = new URL(server.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: 'openid email offline_access inventory:read',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  })
  const parameters = oauth.validateAuthResponse(server, client, await comesBack(url), state)
  const response = await oauth.authorizationCodeGrantRequest(server, client, auth, parameters, REDIRECT, verifier, http)
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(server, response, http)
  return tokens
}

await check('discovery by OpenID Connect and by RFC 8414 tell the same', async () => {
  const other = await discovered('oauth2')
  ensure(JSON.stringify(other) === JSON.stringify(server), JSON.stringify(other))
})

const app = { client_id: world.clients.app.id, id_token_signed_response_alg: 'ES256' }
for (const [client, auth] of [[web, webAuth], [app, oauth.None()]]) {
  const algorithm = client.id_token_signed_response_alg
  await check(`the ID token is signed with a published key of ${algorithm}, for this client and nonce`, async () => {
    const claims = oauth.getValidatedIdTokenClaims(await logIn(client, auth))
    ensure(claims.sub === world.users.alice && claims.aud === client.client_id, JSON.stringify(claims))
    const other = { ...client, id_token_signed_response_alg: algorithm === 'RS256' ? 'ES256' : 'RS256' }
    await refused(() => logIn(other, auth), (error) => /alg/.test(`${error.message} ${error.cause?.message}`))
  })
}

await check('userinfo speaks of the user of the ID token', async () => {
  const tokens = await logIn()
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  const response = await oauth.userInfoRequest(server, web, tokens.access_token, http)
  const told = await oauth.processUserInfoResponse(server, web, sub, response)
  ensure(told.email === 'alice@example.com', JSON.stringify(told))
})

await check('what services get is an access token of RFC 9068, good for one of them', async () => {
  const { access_token } = await logIn()
  const jwt = await exchanged(access_token, 'inventory')
  const request = new Request(`${world.public_url}/`, { headers: { authorization: `Bearer ${jwt}` } })
  const claims = await oauth.validateJwtAccessToken(server, request, 'inventory', http)
  ensure(claims.sub === world.users.alice && claims.client_id === web.client_id && claims.scope === 'inventory:read', JSON.stringify(claims))
  await refused(() => oauth.validateJwtAccessToken(server, request, 'order', http), (error) => /aud/.test(error.message + error.cause?.message))
})

await check('a token for one resource is good for that service and no other (RFC 8707)', async () => {
  const parameters = { scope: 'inventory:read store:read', resource: `${world.public_url}/api/inventory` }
  const { access_token } = await oauth.processClientCredentialsResponse(server, machine,
    await oauth.clientCredentialsGrantRequest(server, machine, machineAuth, parameters, http))
  await exchanged(access_token, 'inventory')
  await refused(() => exchanged(access_token, 'store'), (error) => error.error === 'invalid_target')
  const unknown = await oauth.clientCredentialsGrantRequest(server, machine, machineAuth, { resource: 'https://elsewhere.example/' }, http)
  await refused(() => oauth.processClientCredentialsResponse(server, machine, unknown), (error) => error.error === 'invalid_target')
})

await check('introspection is answered with a signed JWT where that is asked for (RFC 9701)', async () => {
  const client = { ...machine, introspection_signed_response_alg: 'ES256' }
  const { access_token } = await oauth.processClientCredentialsResponse(server, machine,
    await oauth.clientCredentialsGrantRequest(server, machine, machineAuth, { scope: 'store:read' }, http))
  const response = await oauth.introspectionRequest(server, client, machineAuth, access_token, { ...http, requestJwtResponse: true })
  const told = await oauth.processIntrospectionResponse(server, client, response)
  ensure(told.active && told.scope === 'store:read', JSON.stringify(told))
  await oauth.validateApplicationLevelSignature(server, response, http)
})

await check('introspection and revocation answer as their standards say', async () => {
  const token = (await oauth.processClientCredentialsResponse(server, machine,
    await oauth.clientCredentialsGrantRequest(server, machine, machineAuth, { scope: 'store:read' }, http))).access_token
  const told = async () => oauth.processIntrospectionResponse(server, machine,
    await oauth.introspectionRequest(server, machine, machineAuth, token, http))
  ensure((await told()).active, 'not active')
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, machine, machineAuth, token, http))
  ensure(JSON.stringify(await told()) === '{"active":false}', JSON.stringify(await told()))
})

await check('a wrong secret is invalid_client, with a challenge', async () => {
  const wrong = oauth.ClientSecretBasic('not-the-secret-not-the-secret-not-it')
  const response = await oauth.clientCredentialsGrantRequest(server, machine, wrong, {}, http)
  ensure(response.status === 401, `${response.status}`)
  await refused(() => oauth.processClientCredentialsResponse(server, machine, response), (error) => error.code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' || error.error === 'invalid_client')
})

done()
