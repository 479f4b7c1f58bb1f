/**
 * What the admin API answers, taken from the contract that the server validates by.
 *
 * @typedef {import('../../api/contract/contract.ts').OperationId} OperationId
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'identity.get'>} Identity
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'organization.get'>} Organization
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'byok.get'>} Byok
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'byok.plan'>} ByokPlan
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'byok.status'>} ByokStatus
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'byok.verify'>} VerificationReport
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'site.get'>} Site
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'suspension.place'>} Suspension
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'rotation.get'>} Rotation
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'audit.list'>['items'][number]} AuditRow
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'audit.verify'>} AuditVerification
 * @typedef {import('../../api/contract/contract.ts').ResponseOf<'key.list'>['items'][number]} TenantKey
 * @typedef {Organization['access']} Access
 * @typedef {import('preact').ComponentChildren} Children
 */
export {}
