import {
  create,
  createFileRegistry,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import grpc from '@grpc/grpc-js';
import reflection from 'nice-grpc-server-reflection/lib/proto/grpc/reflection/v1/reflection_pb.js';
import type { ReflectedCall, ReflectingClient, ReflectionVersion } from './reflecting-client.ts';
import { TEST_HEADERS } from './test-access.ts';

const { ServerReflectionRequest, ServerReflectionResponse } = reflection;
type Request = InstanceType<typeof ServerReflectionRequest>;
type Response = InstanceType<typeof ServerReflectionResponse>;

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

/** A small stand-in for grpcurl: it learns services and messages by reflection. `why` there is no grpcurl becomes part of its name. */
export function createReflectionClient(version: ReflectionVersion, why: string): ReflectingClient {
  return {
    name: `reflection client ${version} (${why})`,
    listServices: (address) =>
      withClient(address, async (client) => {
        const [answer] = await ask(client, version, [new ServerReflectionRequest().setListServices('')]);
        return (answer?.getListServicesResponse()?.getServiceList() ?? []).map((service) =>
          service.getName(),
        );
      }),
    describeService: (address, service) =>
      withClient(address, async (client) => {
        const registry = await describe(client, version, service);
        return (registry.getService(service)?.methods ?? []).map(({ name }) => name).toSorted();
      }),
    call: (address, method, request) => startCall(address, version, method, request),
  };
}

function startCall(
  address: string,
  version: ReflectionVersion,
  name: string,
  request: unknown,
): ReflectedCall {
  const messages: unknown[] = [];
  let stop: () => void = () => {};
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  const ended = withClient(address, async (client) => {
    const [serviceName = '', methodName] = name.split('/');
    const registry = await describe(client, version, serviceName);
    const method = registry
      .getService(serviceName)
      ?.methods.find((candidate) => candidate.name === methodName);
    if (!method) throw new Error(`the server does not describe ${name}`);
    // The caller gives what JSON can hold.
    const message = fromJson(method.input, request as JsonValue, { registry });
    const bytes = Buffer.from(toBinary(method.input, message));
    const metadata = grpc.Metadata.fromHttp2Headers(TEST_HEADERS);
    const call = client.makeServerStreamRequest(`/${name}`, asBuffer, asBuffer, bytes, metadata);
    void stopped.then(() => call.cancel());
    call.on('data', (data: Buffer) => {
      messages.push(toJson(method.output, fromBinary(method.output, data), { registry }));
    });
    return new Promise<{ code: string; message: string }>((resolve) => {
      call.on('error', () => {});
      call.on('status', ({ code, details }: grpc.StatusObject) => {
        resolve({ code: asGoName(grpc.status[code] ?? String(code)), message: details });
      });
    });
  });
  return {
    messages,
    ended,
    async stop() {
      stop();
      await ended;
    },
  };
}

async function withClient<T>(address: string, work: (client: grpc.Client) => Promise<T>): Promise<T> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** Answers to some questions, by one call. */
function ask(
  client: grpc.Client,
  version: ReflectionVersion,
  questions: readonly Request[],
): Promise<Response[]> {
  const call = client.makeBidiStreamRequest(
    `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    (question: Request) => Buffer.from(question.serializeBinary()),
    (bytes: Buffer) => ServerReflectionResponse.deserializeBinary(bytes),
  );
  for (const question of questions) call.write(question);
  call.end();
  return new Promise((resolve, reject) => {
    const answers: Response[] = [];
    call.on('data', (answer: Response) => answers.push(answer));
    call.on('error', reject);
    call.on('end', () => resolve(answers));
  });
}

/** The service with all that its messages need: the server sends one file at a time. */
async function describe(
  client: grpc.Client,
  version: ReflectionVersion,
  serviceName: string,
): Promise<FileRegistry> {
  const files = new Map<string, FileDescriptorProto>();
  let wanted = [new ServerReflectionRequest().setFileContainingSymbol(serviceName)];
  while (wanted.length > 0) {
    const known = files.size;
    for (const answer of await ask(client, version, wanted)) {
      for (const bytes of answer.getFileDescriptorResponse()?.getFileDescriptorProtoList_asU8() ?? []) {
        const file = fromBinary(FileDescriptorProtoSchema, bytes);
        files.set(file.name, file);
      }
    }
    if (files.size === known) throw new Error(`the server does not describe all of ${serviceName}`);
    const imported = new Set([...files.values()].flatMap(({ dependency }) => dependency));
    wanted = [...imported]
      .filter((file) => !files.has(file))
      .map((file) => new ServerReflectionRequest().setFileByFilename(file));
  }
  return createFileRegistry(create(FileDescriptorSetSchema, { file: inOrder(files) }));
}

/** Files after those that they import. */
function inOrder(files: ReadonlyMap<string, FileDescriptorProto>): FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const add = (name: string) => {
    const file = files.get(name);
    if (!file || ordered.has(file)) return;
    file.dependency.forEach(add);
    ordered.add(file);
  };
  for (const name of files.keys()) add(name);
  return [...ordered];
}

/** INVALID_ARGUMENT is InvalidArgument in Go, and so in grpcurl. */
function asGoName(name: string): string {
  if (name === 'OK') return name;
  return name.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}
