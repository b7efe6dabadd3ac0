// What every script here shares. `cargo retail conformance` speaks with it in lines of JSON: it tells of the world, hears
// of checks, and drives the browser when it is asked to visit an address.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n')
const hear = async () => JSON.parse((await lines.next()).value)

/** Issuer, clients and users of the running suite. */
export const world = await hear()
export const REDIRECT = 'http://127.0.0.1/callback'

/** One line of the report: passes unless `body` throws. */
export async function check(name, body) {
  try {
    await body()
    say({ check: name, ok: true })
  } catch (error) {
    const cause = error?.cause ? ` (${JSON.stringify(error.cause.body ?? error.cause.message ?? error.cause)})` : ''
    say({ check: name, ok: false, detail: `${error?.stack ?? error}${cause}` })
  }
}

export function ensure(holds, otherwise) {
  if (!holds) throw new Error(otherwise)
}

/** Passes if `body` throws something that `fits`, else throws. */
export async function refused(body, fits) {
  let outcome
  try {
    outcome = await body()
  } catch (error) {
    if (fits(error)) return
    throw error
  }
  throw new Error(`was not refused: ${JSON.stringify(outcome)}`)
}

/** Sends the browser to `url`: { left, form, logins } when it was sent to another origin, else { page, status, at }. */
export async function visit(url, how = {}) {
  say({ visit: String(url), ...how })
  return await hear()
}

/** The same, for visits that end at the client's own address: alice logs in and allows what is asked for. */
export async function comesBack(url, how = { user: 'alice', press: 'allow' }) {
  const landing = await visit(url, how)
  if (!landing.left) throw new Error(`did not come back: ${landing.status} at ${landing.at}: ${landing.page ?? landing.fault}`)
  return landing.form ? landing : new URL(landing.left)
}

/** A client that is registered for this script: { id, secret }. */
export async function register(wish) {
  say({ register: wish })
  return await hear()
}

/** A browser without cookies. */
export async function forget() {
  say({ forget: true })
  await hear()
}

/** The last line of every script. */
export function done() {
  process.exit(0)
}
