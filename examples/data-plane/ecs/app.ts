import {
  App,
  Duration,
  aws_ec2 as ec2,
  aws_ecr as ecr,
  aws_ecs as ecs,
  aws_logs as logs,
  Stack,
  aws_secretsmanager as secretsmanager,
  Validations,
} from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { acknowledge } from '../../../lib/conventions/acknowledge.ts';
import { Lifeboat } from '../../../lib/index.ts';

const controlPlane = 'prod';
const kongVersion = '3.9.1';
// An example: `lifeboat public-key` prints yours. A task cannot mount a file, so the key is in the task
// definition.
const signingKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtQFh4v7sevAlN986ptyWlZOp4Wu0
lIO/GB5tgU1nls1yK6A2sNVwezA5gn4NdSZhCK+AUG9f2OagSGXRCazyWQ==
-----END PUBLIC KEY-----`;
const clusterEndpoint = 'kong-cp.example.com:8005';
// The same number for both. The user that Kong's image names has another number on each base (1001 on Ubuntu
// 24.04).
const user = '1000:1000';
const prefix = '/kong_prefix';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
const stack = new Stack(app, 'KongDataPlane', { terminationProtection: true });

const lifeboat = new Lifeboat(stack, 'Lifeboat', {
  controlPlanes: { [controlPlane]: { clusterEndpoint, dataPlaneVersions: [kongVersion] } },
});

const task = new ecs.FargateTaskDefinition(stack, 'Task', {
  cpu: 1024,
  memoryLimitMiB: 2048,
  // Standby sees nginx's master and signals it. As the same user it needs no capability for that.
  pidMode: ecs.PidMode.TASK,
  runtimePlatform: {
    operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
    cpuArchitecture: ecs.CpuArchitecture.X86_64,
  },
  volumes: [{ name: 'prefix' }, { name: 'tmp' }],
});
lifeboat.grantBootstrap(task.taskRole, controlPlane);

const kongImage = ecs.ContainerImage.fromRegistry(`public.ecr.aws/docker/library/kong:${kongVersion}`);
const standbyImage = ecs.ContainerImage.fromEcrRepository(
  ecr.Repository.fromRepositoryName(stack, 'StandbyImage', 'lifeboat-standby'),
  '0.1.0',
);
// JSON with "certificate" and "key", both PEM.
const clusterCertificate = secretsmanager.Secret.fromSecretNameV2(
  stack,
  'ClusterCertificate',
  'kong/data-plane/cluster-certificate',
);
const logGroup = new logs.LogGroup(stack, 'Logs', { retention: logs.RetentionDays.ONE_MONTH });
const logging = (streamPrefix: string) => ecs.LogDrivers.awsLogs({ logGroup, streamPrefix });

// Volumes of a task belong to root.
const owner = task.addContainer('owner', {
  image: kongImage,
  entryPoint: ['chown'],
  command: [user, prefix, '/tmp'],
  user: '0:0',
  essential: false,
  readonlyRootFilesystem: true,
  logging: logging('owner'),
});

const kong = task.addContainer('kong', {
  image: kongImage,
  user,
  environment: {
    KONG_ROLE: 'data_plane',
    KONG_DATABASE: 'off',
    KONG_PREFIX: prefix,
    // On all addresses, for a load balancer's health check. Standby reads the port from <prefix>/.kong_env.
    KONG_STATUS_LISTEN: '0.0.0.0:8100',
    KONG_PROXY_LISTEN: '0.0.0.0:8000, 0.0.0.0:8443 http2 ssl',
    KONG_CLUSTER_CONTROL_PLANE: clusterEndpoint,
    KONG_PROXY_ACCESS_LOG: '/dev/stdout',
    KONG_PROXY_ERROR_LOG: '/dev/stderr',
  },
  // Kong takes PEM as well as paths.
  secrets: {
    KONG_CLUSTER_CERT: ecs.Secret.fromSecretsManager(clusterCertificate, 'certificate'),
    KONG_CLUSTER_CERT_KEY: ecs.Secret.fromSecretsManager(clusterCertificate, 'key'),
  },
  portMappings: [{ containerPort: 8000 }, { containerPort: 8443 }, { containerPort: 8100 }],
  readonlyRootFilesystem: true,
  healthCheck: {
    command: ['CMD', 'kong', 'health'],
    interval: Duration.seconds(10),
    startPeriod: Duration.seconds(30),
  },
  logging: logging('kong'),
});

const standby = task.addContainer('standby', {
  image: standbyImage,
  user,
  command: ['--json'],
  environment: {
    LIFEBOAT_CONTROL_PLANE: controlPlane,
    LIFEBOAT_KONG_VERSION: kongVersion,
    LIFEBOAT_ENDPOINT: lifeboat.api.url,
    LIFEBOAT_PUBLIC_KEY: signingKey,
    KONG_PREFIX: prefix,
  },
  // It ends with 0 when the node has a configuration. Kong goes on, however it ends.
  essential: false,
  enableRestartPolicy: true,
  restartAttemptPeriod: Duration.minutes(1),
  // 0: done. 2: wrong options, which another start does not mend.
  restartIgnoredExitCodes: [0, 2],
  readonlyRootFilesystem: true,
  logging: logging('standby'),
});

for (const container of [owner, kong, standby]) {
  container.addMountPoints({ sourceVolume: 'prefix', containerPath: prefix, readOnly: false });
}
for (const container of [owner, kong]) {
  container.addMountPoints({ sourceVolume: 'tmp', containerPath: '/tmp', readOnly: false });
}
for (const container of [kong, standby]) {
  container.addContainerDependencies({
    container: owner,
    condition: ecs.ContainerDependencyCondition.SUCCESS,
  });
}

const cluster = new ecs.Cluster(stack, 'Cluster', {
  vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['eu-central-1a', 'eu-central-1b'],
    privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
  }),
  containerInsightsV2: ecs.ContainerInsights.ENABLED,
});
new ecs.FargateService(stack, 'Service', {
  // With exactOptionalPropertyTypes the compiler does not take CDK's Cluster for an ICluster.
  cluster: cluster as ecs.ICluster,
  taskDefinition: task,
  desiredCount: 2,
  // The first version with a process namespace for a task.
  platformVersion: ecs.FargatePlatformVersion.VERSION1_4,
  minHealthyPercent: 100,
});

acknowledge(task, 'AwsSolutions-IAM5[Resource::*]', 'ecr:GetAuthorizationToken knows no resource.');
acknowledge(
  task,
  'AwsSolutions-ECS2',
  'Settings, none of which is secret; the cluster certificate comes from Secrets Manager.',
);
