// The URL's fragment tells a page where to send: {"host":URL,"key":KEY,"options":{}}
const told = JSON.parse(decodeURIComponent(location.hash.slice(1)))

const methods = {
  track: (sdk, call) => sdk.track(call.event, call.properties),
  page: (sdk, call) => sdk.page(call.name, call.properties),
  identify: (sdk, call) => sdk.identify(call.userId, call.traits),
  group: (sdk, call) => sdk.group(call.groupId, call.traits),
  alias: (sdk, call) => sdk.alias(call.userId),
}

// playing gives the page its play, which makes calls to an SDK. With out it waits for what they
// promise; SDKs that promise nothing have taken a call when it returns.
function playing(sdk) {
  window.play = async (calls, out) => {
    const promises = calls.map((call) => methods[call.type](sdk, call))
    if (out) await Promise.all(promises)
  }
}
