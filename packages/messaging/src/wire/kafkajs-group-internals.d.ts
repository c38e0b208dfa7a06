// The requests of consumer groups, beside those in kafkajs-internals.d.ts.

declare module 'kafkajs/src/protocol/requests/index.js' {
  interface Requests {
    readonly JoinGroup: Api<
      {
        readonly groupId: string;
        readonly sessionTimeout: number;
        readonly rebalanceTimeout: number;
        readonly memberId: string;
        readonly protocolType: string;
        readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
      },
      {
        readonly errorCode: number;
        readonly generationId: number;
        readonly leaderId: string;
        readonly memberId: string;
        readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
      }
    >;
    readonly SyncGroup: Api<
      {
        readonly groupId: string;
        readonly generationId: number;
        readonly memberId: string;
        readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
      },
      { readonly errorCode: number; readonly memberAssignment: Buffer }
    >;
    readonly Heartbeat: Api<
      {
        readonly groupId: string;
        readonly groupGenerationId: number;
        readonly memberId: string;
        readonly groupInstanceId: null;
      },
      { readonly errorCode: number }
    >;
    readonly LeaveGroup: Api<
      { readonly groupId: string; readonly memberId: string },
      { readonly errorCode: number }
    >;
    readonly OffsetCommit: Api<
      {
        readonly groupId: string;
        readonly groupGenerationId: number;
        readonly memberId: string;
        readonly topics: readonly {
          readonly topic: string;
          readonly partitions: readonly {
            readonly partition: number;
            readonly offset: bigint;
            readonly metadata: string;
          }[];
        }[];
      },
      {
        readonly responses: readonly {
          readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
        }[];
      }
    >;
    readonly OffsetFetch: Api<
      {
        readonly groupId: string;
        readonly topics: readonly {
          readonly topic: string;
          readonly partitions: readonly { readonly partition: number }[];
        }[];
      },
      {
        readonly errorCode: number;
        readonly responses: readonly {
          readonly topic: string;
          readonly partitions: readonly {
            readonly partition: number;
            readonly offset: string;
            readonly metadata: string | null;
            readonly errorCode: number;
          }[];
        }[];
      }
    >;
    readonly DescribeGroups: Api<
      { readonly groupIds: readonly string[] },
      {
        readonly groups: readonly {
          readonly errorCode: number;
          readonly state: string;
          readonly protocolType: string;
          readonly protocol: string;
          readonly members: readonly { readonly clientId: string; readonly clientHost: string }[];
        }[];
      }
    >;
    readonly ListGroups: Api<
      Record<string, never>,
      { readonly errorCode: number; readonly groups: readonly { readonly groupId: string }[] }
    >;
    readonly DeleteGroups: Api<
      readonly string[],
      { readonly results: readonly { readonly errorCode: number }[] }
    >;
  }
}
