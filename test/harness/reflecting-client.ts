/** Versions of the reflection protocol; clients older than 2023 speak only the second. */
export type ReflectionVersion = 'v1' | 'v1alpha';

/** A call under way; messages are in protobuf's JSON form. */
export interface ReflectedCall {
  readonly messages: readonly unknown[];
  /** How it ended; the code as grpcurl prints it, such as OK or InvalidArgument. */
  readonly ended: Promise<{ readonly code: string; readonly message: string }>;
  /** Ends it from the client's side. */
  stop(): Promise<void>;
}

/** A client that knows nothing of the contract: it asks the server. */
export interface ReflectingClient {
  /** Says which one it is, for the output of the test. */
  readonly name: string;
  listServices(address: string): Promise<string[]>;
  /** Sorted names of the methods of `package.Service`, as the server describes it with all that its messages need. */
  describeService(address: string, service: string): Promise<string[]>;
  /** Calls `package.Service/Method` of a server without TLS. The request is in protobuf's JSON form. */
  call(address: string, method: string, request: unknown): ReflectedCall;
}
