import type { PluginVersions } from './control-plane.ts';
import { compareVersions } from './version-choice.ts';

/** Kong's own plugins that carry Kong's version, in 3.0 and later (docs/kong.md#the-cluster-endpoint). */
const versionedPluginNames: readonly string[] = `
  ace acl acme ai-a2a-proxy ai-aws-guardrails ai-azure-content-safety ai-custom-guardrail
  ai-gcp-model-armor ai-lakera-guard ai-llm-as-judge ai-mcp-oauth2 ai-mcp-proxy ai-prompt-compressor
  ai-prompt-decorator ai-prompt-guard ai-prompt-template ai-proxy ai-proxy-advanced ai-rag-injector
  ai-rate-limiting-advanced ai-request-transformer ai-response-transformer ai-sanitizer
  ai-semantic-cache ai-semantic-prompt-guard ai-semantic-response-guard app-dynamics aws-lambda
  azure-functions basic-auth bot-detection canary confluent confluent-consume correlation-id cors
  datadog datakit degraphql exit-transformer file-log forward-proxy graphql-proxy-cache-advanced
  graphql-rate-limiting-advanced grpc-gateway grpc-web header-cert-auth hmac-auth http-log
  injection-protection ip-restriction jq json-threat-protection jwe-decrypt jwt jwt-signer kafka-consume
  kafka-log kafka-upstream key-auth key-auth-enc ldap-auth ldap-auth-advanced loggly
  metering-and-billing mocking mtls-auth oas-validation oauth2 oauth2-introspection opa openid-connect
  post-function pre-function prometheus proxy-cache proxy-cache-advanced rate-limiting
  rate-limiting-advanced redirect request-callout request-size-limiting request-termination
  request-transformer request-transformer-advanced request-validator response-ratelimiting
  response-transformer response-transformer-advanced route-by-header route-transformer-advanced saml
  service-protection session solace-consume solace-log solace-upstream standard-webhooks statsd syslog
  tcp-log tls-handshake-modifier tls-metadata-headers udp-log upstream-oauth upstream-timeout vault-auth
  websocket-size-limit websocket-validator xml-threat-protection zipkin
`
  .trim()
  .split(/\s+/);

/**
 * Plugins that have, or may have, a version of their own: opentelemetry, which said 0.1.0 from 3.0 to 3.7;
 * those of partners that Kong documents; those of Kong Enterprise that it does not document.
 */
const otherPluginNames: readonly string[] = `
  ai-model-selector ai-nvidia-nemo-guardrail amberflo application-registration appsentinels
  aws-request-signing crowdstrike-aidr-request crowdstrike-aidr-response datadome harness-waap
  imp-appsec-connector impart inigo kong-response-size-limiting kong-service-virtualization
  kong-spec-expose kong-splunk-log kong-upstream-jwt konnect-application-auth moesif
  noma-runtime-protection nonamesecurity opentelemetry panw-apisec-http-log prisma-airs-intercept
  salt-agent skyflow-ai-data-control statsd-advanced token-vault-exchange trend-micro-kong-plugin-aps
`
  .trim()
  .split(/\s+/);

/**
 * Names of the plugins that ship with Kong (OSS and Enterprise), or that Kong documents. A control plane
 * sends nothing at all to a data plane that lacks a plugin which is configured; naming plugins that the
 * control plane does not have does no harm (kong/clustering/compat/init.lua,
 * check_configuration_compatibility).
 */
export const bundledPluginNames: readonly string[] = [...versionedPluginNames, ...otherPluginNames];

/** A plugin as a data plane announces it. */
export interface PluginVersion {
  readonly name: string;
  readonly version?: string;
}

/**
 * The plugin list of a data plane. A plugin without a version fits every version that the control plane may
 * have, and costs it a NOTICE line per connection. So a version is named where it is known: a wrong one would
 * withhold everything.
 *
 * @param customPlugins what the deployer names, also by a name of Kong's own
 * @param wasmFilters each of which is a plugin as well on nodes of 3.9 and later; older ones would refuse a
 *   configuration in which it is used as one
 */
export function dataPlanePlugins(
  dataPlaneVersion: string,
  customPlugins: readonly string[],
  pluginVersions: PluginVersions = 'named',
  wasmFilters: readonly string[] = [],
): readonly PluginVersion[] {
  const hasFilterPlugins = compareVersions(dataPlaneVersion, '3.9.0') >= 0;
  const custom = new Set([...customPlugins, ...(hasFilterPlugins ? wasmFilters : [])]);
  // In 2.x each plugin had a version of its own.
  const isNamed = pluginVersions === 'named' && !/^[012]\./.test(dataPlaneVersion);
  return [
    ...versionedPluginNames
      .filter((name) => !custom.has(name))
      .map((name) => (isNamed ? { name, version: dataPlaneVersion } : { name })),
    ...otherPluginNames.filter((name) => !custom.has(name)).map((name) => ({ name })),
    ...[...custom].map((name) => ({ name })),
  ];
}
