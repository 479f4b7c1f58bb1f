import type { OperationId, ResponseOf } from '../../api/contract/contract.ts'

/** What the admin API answers, taken from the contract that the server validates by. */
export type { OperationId }
export type Identity = ResponseOf<'identity.get'>
export type Organization = ResponseOf<'organization.get'>
export type Access = Organization['access']
export type Byok = ResponseOf<'byok.get'>
export type ByokPlan = ResponseOf<'byok.plan'>
export type ByokStatus = ResponseOf<'byok.status'>
export type VerificationReport = ResponseOf<'byok.verify'>
export type Site = ResponseOf<'site.get'>
export type App = Site['apps'][number]
export type Suspension = ResponseOf<'suspension.place'>
export type RevocationStatement = ResponseOf<'suspension.statement'>
export type Rotation = ResponseOf<'rotation.get'>
export type AuditRow = ResponseOf<'audit.list'>['items'][number]
export type AuditVerification = ResponseOf<'audit.verify'>
