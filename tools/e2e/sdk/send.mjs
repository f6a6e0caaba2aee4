// Sends the story of two persons by two SDKs: node send.mjs INGEST_URL WRITE_KEY
import RudderModule from '@rudderstack/rudder-sdk-node'
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)

const fail = (error) => {
  console.error(error)
  process.exit(1)
}

// Ann is a visitor before she signs in.
const segment = new Analytics({ writeKey, host })
segment.on('error', fail)
segment.page({ anonymousId: 'cookie-1', name: 'Home', properties: { path: '/' } })
segment.track({ anonymousId: 'cookie-1', event: 'Products Searched', properties: { query: 'milk' } })
segment.identify({ userId: 'ann', anonymousId: 'cookie-1', traits: { plan: 'pro' } })
segment.track({ userId: 'ann', event: 'Product Added', properties: { price: 12.5 } })
segment.track({ userId: 'ann', event: 'Order Completed', properties: { total: 30 } })
await segment.closeAndFlush()

// Bob does not search.
const Rudder = RudderModule.default ?? RudderModule
const rudder = new Rudder(writeKey, { dataPlaneUrl: host })
const sent = (send) =>
  new Promise((resolve) => send((error) => (error ? fail(error) : resolve())))
await Promise.all([
  sent((done) => rudder.track({ userId: 'bob', event: 'Product Added' }, done)),
  sent((done) =>
    rudder.track({ userId: 'bob', event: 'Order Completed', properties: { total: 3 } }, done)),
  sent((done) => rudder.flush(done)),
])
process.exit(0)
