"""Plugin of pytest for ceph/s3-tests: each test has a bucket prefix of its own, and its outcome becomes a line of JSON.

The suite removes all buckets of one prefix before and after each test, and fails every later test once it cannot.
"""

import json
import os

import pytest
import s3tests.functional as suite

@pytest.fixture(autouse=True, scope='function')
def own_prefix(configfile):
    suite.prefix = suite.choose_bucket_prefix('t-{random}-')
    # Nothing can be left of a prefix that is new.
    suite.setup = lambda: None


def pytest_collection_modifyitems(items):
    for item in items:
        names = item.fixturenames
        names.remove('own_prefix')
        names.insert(names.index('configfile') + 1 if 'configfile' in names else 0, 'own_prefix')


def pytest_runtest_logreport(report):
    if report.when == 'teardown' or (report.when == 'setup' and report.passed):
        return
    reason = '' if report.passed else str(report.longrepr).strip().splitlines()[-1][:300]
    with open(os.environ['OUTCOMES'], 'a') as lines:
        name = report.nodeid.split('::')[-1]
        lines.write(json.dumps({'test': name, 'outcome': report.outcome, 'when': report.when, 'reason': reason}) + '\n')
