// oidc-client-ts: what a page in a browser does, run in Node with its stores in memory.
import { InMemoryWebStorage, OidcClient, WebStorageStateStore } from 'oidc-client-ts'
import { REDIRECT, check, comesBack, done, ensure, forget, refused, register, visit, world } from './suite.mjs'

const settings = {
  authority: world.issuer,
  client_id: world.clients.app.id,
  redirect_uri: REDIRECT,
  scope: 'openid profile offline_access',
  stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
  loadUserInfo: true,
}
const client = new OidcClient(settings)

async function logIn() {
  await forget()
  const request = await client.createSigninRequest({ state: 'what the page was doing' })
  return await client.processSigninResponse((await comesBack(request.url)).href)
}
const renew = ({ refresh_token, id_token, scope, profile }) =>
  client.useRefreshToken({ state: { refresh_token, id_token, scope, profile, session_state: null }, timeoutInSeconds: 10 })

await check('a page logs a user in and gets its own state back', async () => {
  const user = await logIn()
  ensure(user.profile.sub === world.users.alice && user.profile.name === 'Alice Ashdown', JSON.stringify(user.profile))
  ensure(user.userState === 'what the page was doing', JSON.stringify(user.userState))
})

await check('it stays logged in by refresh, and a spent refresh token is refused', async () => {
  const user = await logIn()
  const next = await renew(user)
  ensure(next.access_token && next.access_token !== user.access_token, JSON.stringify(next))
  await refused(() => renew(user), (error) => error.error === 'invalid_grant')
})

await check('it logs its user out and is told that this was its own wish', async () => {
  const after = 'http://127.0.0.1/signed-out'
  const { id } = await register({ post_logout_redirect_uris: [after] })
  const page = new OidcClient({ ...settings, client_id: id, post_logout_redirect_uri: after })
  await forget()
  const user = await page.processSigninResponse((await comesBack((await page.createSigninRequest({})).url)).href)
  const { url } = await page.createSignoutRequest({ id_token_hint: user.id_token, state: 'leaving' })
  const { left } = await visit(url)
  ensure(left?.startsWith(after), left)
  ensure((await page.processSignoutResponse(left)).userState === 'leaving', left)
})

await check('an answer to a request that it did not make is refused', async () => {
  const forged = `${REDIRECT}?code=made-up&state=made-up&iss=${encodeURIComponent(world.issuer)}`
  await refused(() => client.processSigninResponse(forged), (error) => /state/i.test(error.message))
})

done()
