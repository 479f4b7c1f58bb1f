/**
 * AWS IAM User Guide, "IAM and AWS STS quotas": requests to STS with AWS credentials, per account and Region. Of an
 * AssumeRole across accounts only the calling account's quota is used: here the vendor's.
 */
const STS_PER_SECOND = 600
/**
 * AWS KMS Developer Guide, "Request quotas": the lowest shared quota of any Region for symmetric keys, per account and
 * Region. Requests count for the account that makes them: the organization's own, whose role was assumed.
 */
const KMS_PER_SECOND = 5_500

/** What a load of calls means to the quotas of AWS. */
export interface QuotaUse {
  /** Vendor accounts to assume roles from, with STS asked in so many Regions. */
  readonly accountsForOneRegion: number
  readonly accountsForTwoRegions: number
  /** Active organizations that one vendor account can verify in one Region. */
  readonly organizationsPerAccount: number
  /** Share of its own quota that one organization's verification uses in one of its two Regions. */
  readonly kmsShareOfOrganization: number
}

/** Sets calls per second of the whole fleet against the quotas. */
export function quotaUse(stsPerSecond: number, kmsPerSecond: number, activeOrganizations: number): QuotaUse {
  return {
    accountsForOneRegion: Math.ceil(stsPerSecond / STS_PER_SECOND),
    accountsForTwoRegions: Math.ceil(stsPerSecond / (2 * STS_PER_SECOND)),
    organizationsPerAccount: Math.floor((STS_PER_SECOND * activeOrganizations) / stsPerSecond),
    kmsShareOfOrganization: kmsPerSecond / 2 / activeOrganizations / KMS_PER_SECOND,
  }
}
