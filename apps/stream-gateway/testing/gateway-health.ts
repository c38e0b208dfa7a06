import { createChannel, createClient } from 'nice-grpc';
import { HealthDefinition } from 'nice-grpc-server-health';

/** SERVING, NOT_SERVING … of a service by the health protocol. */
export async function healthOf(address: string, service = ''): Promise<string> {
  const channel = createChannel(address);
  try {
    const { status } = await createClient(HealthDefinition, channel).check({ service });
    return STATUS_NAMES[status] ?? String(status);
  } finally {
    channel.close();
  }
}

/** Changes of the health of a service, until the server ends the watch. */
export async function* watchHealth(address: string, service = ''): AsyncGenerator<string, void, undefined> {
  const channel = createChannel(address);
  try {
    for await (const { status } of createClient(HealthDefinition, channel).watch({ service })) {
      yield STATUS_NAMES[status] ?? String(status);
    }
  } finally {
    channel.close();
  }
}

const STATUS_NAMES: Readonly<Record<number, string>> = {
  0: 'UNKNOWN',
  1: 'SERVING',
  2: 'NOT_SERVING',
  3: 'SERVICE_UNKNOWN',
};
