import type { ClusterView } from '../../../consumers/kafka/client/cluster-view.ts'

/** The cluster, but what its brokers answer goes through `change` before it is decoded. */
export function changedAnswers(
  view: ClusterView,
  change: (payload: Buffer, apiKey: number) => Buffer,
): ClusterView {
  return {
    ...view,
    broker: async (nodeId) => {
      const real = await view.broker(nodeId)
      return {
        nodeId: real.nodeId,
        isConnected: () => real.isConnected(),
        disconnect: () => real.disconnect(),
        breakOff: () => real.breakOff(),
        maxVersion: (apiKey) => real.maxVersion(apiKey),
        send: (request, timeoutMs, decode) =>
          real.send(request, timeoutMs, (payload) => decode(change(payload, request.apiKey))),
      }
    },
  }
}
