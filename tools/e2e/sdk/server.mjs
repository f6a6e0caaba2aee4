// Makes calls to an SDK for servers, to several hosts at once, and waits until it is done with all:
//
//	node server.mjs '{"sdk":"analytics-node","key":KEY,"options":{},"scripts":[{"host":URL,"calls":[…]}]}'
//
// Each call is a message as the SDK's methods take it, and its type. Prints how the SDK took the
// answers of each host: [{"delivered":1,"failed":0}]
import RudderModule from '@rudderstack/rudder-sdk-node'
import { Analytics } from '@segment/analytics-node'

const { sdk, key, options, scripts } = JSON.parse(process.argv[2])

const settle = (outcome, done) => (error) => {
  outcome[error ? 'failed' : 'delivered'] += 1
  done()
}

// Each makes the calls of a script and waits until their outcome is known.
const sdks = {
  async 'analytics-node'({ host, calls }, outcome) {
    const segment = new Analytics({
      writeKey: key, host, flushInterval: 50, httpRequestTimeout: 60_000, ...options,
    })
    segment.on('error', () => {}) // each callback is told
    const settled = calls.map(({ type, ...message }) =>
      new Promise((done) => segment[type](message, settle(outcome, done))))
    await Promise.all(settled)
    await segment.closeAndFlush()
  },
  async 'rudder-sdk-node'({ host, calls }, outcome) {
    const Rudder = RudderModule.default ?? RudderModule
    const rudder = new Rudder(key, {
      dataPlaneUrl: host, flushInterval: 50, logLevel: 'none', errorHandler() {}, ...options,
    })
    await Promise.all(calls.map(({ type, ...message }) =>
      new Promise((done) => rudder[type](message, settle(outcome, done)))))
  },
}

const outcomes = await Promise.all(scripts.map(async (script) => {
  const outcome = { delivered: 0, failed: 0 }
  await sdks[sdk](script, outcome)
  return outcome
}))
console.log(JSON.stringify(outcomes))
process.exit(0)
