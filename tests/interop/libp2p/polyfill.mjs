// libp2p 3 is written for Node 22; all that it misses in Node 20 is this.
Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new this((yes, no) => { [resolve, reject] = [yes, no] })
  return { promise, resolve, reject }
}
