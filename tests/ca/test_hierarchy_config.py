from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from sinetti.ca.hierarchy_builder import generate_hierarchy, policy_for, response_signer_plan, subject_of
from sinetti.ca.hierarchy_config import (
    PRESETS,
    is_same_hierarchy,
    load_preset,
    parse_hierarchy,
    with_policy_arc,
    with_standby,
)
from sinetti.ca.hierarchy_model import CaRole, HierarchyError
from sinetti.domain.values import Channel, Environment, KeyPolicy, KeyType
from sinetti.pki.chain import find_issuer, load_bundle
from sinetti.pki.key_policy import key_type
from sinetti.pki.policy_oids import channel_from_policy, signs_responses
from tests.support import golden
from tests.support.authority import BASE_URL, NOW, authority, holder_key
from tests.support.officers import ARC

DEFAULT = load_preset("default")
BENCH = load_preset("incomes-register-test")
PRODUCTION, TEST = Environment.PRODUCTION, Environment.TEST


def parse(text=DEFAULT, environment=TEST, base_url=BASE_URL):
    return parse_hierarchy(text, environment, base_url)


NAMES = {
    PRODUCTION: [
        "Sinetti Root CA v1",
        "Sinetti Intermediate CA v1",
        "Data Providers Issuing CA v1",
        "Data Providers SFTP Issuing CA v1",
        "Services Issuing CA v1",
    ],
    TEST: [
        "Sinetti Root Test CA v1",
        "Sinetti Intermediate Test CA v1",
        "Data Providers Test Issuing CA v1",
        "Data Providers SFTP Test Issuing CA v1",
        "Services Test Issuing CA v1",
    ],
}


@pytest.mark.parametrize(("environment", "names"), NAMES.items(), ids=NAMES)
def test_the_default_preset_tells_its_environments_apart_by_name(environment, names):
    hierarchy = parse(with_policy_arc(DEFAULT, environment, ARC), environment)
    assert [one.name for one in hierarchy.authorities] == names
    assert hierarchy.environment is environment
    assert not hierarchy.test_bench_only
    assert hierarchy.key_policy == KeyPolicy()
    assert hierarchy.holder_validity == timedelta(days=730)


def test_the_bench_preset_has_the_names_that_programs_look_for():
    hierarchy = parse(BENCH)
    assert hierarchy.test_bench_only
    assert hierarchy.key_policy == KeyPolicy(small_exponent=True)
    assert hierarchy.organisation == "Verohallinto"
    assert hierarchy.issuing(Channel.WS).name == "Data Providers Test Issuing CA v1"
    assert hierarchy.services.name == "IR Services Test Issuing CA v1"
    assert hierarchy.response_signer.key_type is KeyType.RSA_2048
    assert all(one.key_type.value.startswith("rsa") for one in hierarchy.authorities)


def test_the_bench_preset_is_refused_in_production():
    with pytest.raises(HierarchyError, match="test_bench_only"):
        parse(BENCH, PRODUCTION)


def test_a_preset_that_there_is_none_of():
    with pytest.raises(HierarchyError, match="default, incomes-register-test, short-47d"):
        load_preset("other")


def test_who_signs_nothing_but_cas_is_kept_off_line():
    assert [one.role for one in parse().kept_offline] == [CaRole.ROOT, CaRole.INTERMEDIATE]
    assert [one.role for one in parse().answering] == [CaRole.ISSUING, CaRole.ISSUING, CaRole.SERVICES]
    assert parse().services.responder_file_name == "ServicesTestIssuingCAv1_ocsp"


def test_an_authority_knows_its_place():
    issuing = parse().issuing(Channel.SFTP)
    assert (issuing.role, issuing.parent) == (CaRole.ISSUING, "Sinetti Intermediate Test CA v1")
    assert issuing.file_name == "DataProvidersSFTPTestIssuingCAv1"
    assert issuing.lifetime == timedelta(days=2922)


def test_the_base_url_may_stand_in_the_file():
    written = 'base_url = "http://pki.example"\n' + DEFAULT
    assert parse(written, base_url=None).base_url == "http://pki.example"
    assert parse(written).base_url == BASE_URL


def test_a_ca_may_have_a_token_of_its_own():
    text = DEFAULT.replace('role = "root"\n', 'role = "root"\ntoken = "pkcs11:token=vault"\n')
    root, *others = parse(text).authorities
    assert root.token == "pkcs11:token=vault"
    assert {one.token for one in others} == {""}


def test_only_one_channel_is_enough():
    text = DEFAULT.replace('channel = "SFTP"', 'channel = "WS"', 1)
    start = text.index('[[authorities]]\nrole = "issuing"\nchannel = "WS"\nname = "Data Providers SFTP')
    end = text.index("[[authorities]]", start + 1)
    assert parse(text[:start] + text[end:]).issuing(Channel.SFTP) is None


WRONG = {
    "no TOML": ("country = FI", "country"),
    "a key that is not known": ('organisation = "Sinetti"', 'organisation = "S"\ncolour = "blue"'),
    "a key that is not known in a CA": ('role = "root"', 'role = "root"\nchannel = "WS"'),
    "a missing key": ('country = "FI"\n', ""),
    "a country in full": ('country = "FI"', 'country = "Finland"'),
    "a number for a text": ('organisation = "Sinetti"', "organisation = 1"),
    "a text for a number": ("lifetime_days = 7305", 'lifetime_days = "20 y"'),
    "true for a number": ("lifetime_days = 7305", "lifetime_days = true"),
    "days beyond what a program can count": ("lifetime_days = 7305", "lifetime_days = 9999999999"),
    "days beyond the calendar": ("lifetime_days = 7305", "lifetime_days = 3000000"),
    "a validity beyond the calendar": ('"P730D"', '"P3000000D"'),
    "a validity beyond what a program can count": ('"P730D"', '"P99999999999D"'),
    "a validity of a second less than a day": ('"P730D"', '"PT23H59M59S"'),
    "a validity below nothing": ('"P730D"', '"-P730D"'),
    "a validity in years": ('"P730D"', '"P2Y"'),
    "a validity in months and days": ('"P730D"', '"P1M3D"'),
    "a validity in minutes that are no months": ('"P730D"', '"PT1M"'),
    "a validity in words": ('"P730D"', '"two years"'),
    "a validity as a number": ('"P730D"', "730"),
    "the key of version 0.1.0": ('validity = "P730D"', "validity_days = 730"),
    "both keys": ('validity = "P730D"', 'validity = "P7D"\nvalidity_days = 7'),
    "an organisation in two lines": ('organisation = "Sinetti"', 'organisation = "Sinetti\\nOy"'),
    "an organisation with a NUL": ('organisation = "Sinetti"', 'organisation = "S\\u0000"'),
    "no days at all": ("lifetime_days = 7305", "lifetime_days = 0"),
    "a text for a flag": ("test_bench_only = false", 'test_bench_only = "no"'),
    "a key type that is none": ('key = "ec-p384"', 'key = "rsa-1024"'),
    "a role that is none": ('role = "root"', 'role = "top"'),
    "a channel that is none": ('channel = "WS"', 'channel = "FTP"'),
    "no list of key types": ('key_types = ["rsa-2048"', 'key_types = "rsa-2048" #'),
    "a key type among others that is none": ('["rsa-2048"', '["rsa-1024"'),
    "holders no table": ("[holders]", "[[holders]]"),
    "authorities no tables": ("[[authorities]]", "[[others]]"),
    "a name with letters beyond ASCII": ("Sinetti Root", "Sinetti Römer"),
    "a name with two blanks": ("Sinetti Root", "Sinetti  Root"),
    "a name too long": ("Sinetti Root", "S" * 60),
    "a name without Test": ("Sinetti Root {test}CA", "Sinetti Root CA"),
    "a parent that is not there": ('name = "Sinetti Root {test}CA v1"', 'name = "Other {test}CA v1"'),
    "a parent of another role": ('parent = "Sinetti Intermediate {test}CA v1"', 'parent = "Sinetti Root {test}CA v1"'),
    "two roots": (
        "[response_signer]",
        '[[authorities]]\nrole = "root"\nname = "R {test}v2"\nkey = "ec-p256"\nlifetime_days = 1\n[response_signer]',
    ),
    "a standby alone": ('channel = "SFTP"', 'channel = "SFTP"\nstandby = true'),
    "two standbys": (
        "[response_signer]",
        "".join(
            f'[[authorities]]\nstandby = true\nrole = "issuing"\nchannel = "WS"\nname = "Data Test CA {one}"\n'
            'parent = "Sinetti Intermediate {test}CA v1"\nkey = "ec-p256"\nlifetime_days = 2922\n\n'
            for one in "ab"
        )
        + "[response_signer]",
    ),
    "a standby that is no word": ('channel = "WS"', 'channel = "WS"\nstandby = 1'),
    "a standby of another role": ('role = "root"', 'role = "root"\nstandby = true'),
    "two of one channel": ('channel = "SFTP"', 'channel = "WS"'),
    "two of one file name": ("Data Providers SFTP {test}Issuing", "DataProviders {test}Issuing"),
    "a CA that outlives the one above": ("lifetime_days = 5479", "lifetime_days = 7306"),
    "a CA that passes for a response signer": ("Sinetti Root {test}CA v1", "Sinetti {test}Response Signer-Root CA v1"),
    "a CA whose whole list would have the address of another's shard": (
        "Data Providers SFTP {test}Issuing CA v1",
        "Data Providers {test}Issuing CA v1-2",
    ),
    "a services CA that ends before those that issue": (
        "lifetime_days = 2922\n\n# Replaced",
        "lifetime_days = 2921\n\n# Replaced",
    ),
    "holders that outlive their CA": ('"P730D"', '"P2922D"'),
    "a token that is no URI": ('role = "root"\n', 'role = "root"\ntoken = "vault"\n'),
    "a signer that outlives its CA": ("lifetime_days = 730", "lifetime_days = 2922"),
}


def test_what_is_wrong_is_told_with_what_to_write():
    texts = {case: old if new == "country" else DEFAULT.replace(old, new) for case, (old, new) in WRONG.items()}
    assert DEFAULT not in texts.values()
    attempts = {case: partial(parse, text) for case, text in texts.items()}
    golden.check("sentences/hierarchy/wrong", {"en.txt": golden.refusals(attempts, HierarchyError)})


def test_without_issuing_cas_there_is_nothing_to_do():
    start, end = DEFAULT.index("# 8 years"), DEFAULT.index('[[authorities]]\nrole = "services"')
    with pytest.raises(HierarchyError, match="least"):
        parse(DEFAULT[:start] + DEFAULT[end:])


def test_an_empty_list_is_no_list():
    text = DEFAULT.replace('key_types = ["rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384"]', "key_types = []")
    with pytest.raises(HierarchyError, match="list"):
        parse(text)


def test_authorities_that_are_no_tables():
    start, end = DEFAULT.index("# Roots are"), DEFAULT.index("[response_signer]")
    with pytest.raises(HierarchyError, match="authorities"):
        parse("authorities = [1]\n" + DEFAULT[:start] + DEFAULT[end:])


def test_a_small_exponent_is_refused_in_production():
    with pytest.raises(HierarchyError, match="small_exponent"):
        parse(DEFAULT.replace("small_exponent = false", "small_exponent = true"), PRODUCTION)


def test_the_word_test_is_refused_in_production():
    with pytest.raises(HierarchyError, match="distinguish"):
        parse(DEFAULT.replace("{test}", "Test "), PRODUCTION)


BASE_URLS = {
    "http and a host": ("http://pki.example", True),
    "a port": ("http://127.0.0.1:8080", True),
    "a path": ("http://pki.example/sinetti", True),
    "https": ("https://pki.example", False),
    "HTTP in capitals": ("HTTP://pki.example", False),
    "a slash at the end": ("http://pki.example/", False),
    "no host": ("http://", False),
    "a port that is none": ("http://pki.example:http", False),
    "port 0": ("http://pki.example:0", False),
    "a user": ("http://me@pki.example", False),
    "a query": ("http://pki.example?a", False),
    "a blank": ("http://pki.example/a b", False),
    "letters beyond ASCII": ("http://pöytä.example", False),
}


@pytest.mark.parametrize(("url", "good"), BASE_URLS.values(), ids=BASE_URLS)
def test_the_base_url_is_plain_http(url, good):
    if good:
        assert parse(base_url=url).base_url == url
    else:
        with pytest.raises(HierarchyError, match="http"):
            parse(base_url=url)


def test_a_base_url_has_to_be_somewhere():
    with pytest.raises(HierarchyError, match="base_url"):
        parse(base_url=None)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_built_whole(preset):
    hierarchy = parse(load_preset(preset))
    built = generate_hierarchy(hierarchy, NOW)
    specs = (*hierarchy.authorities, hierarchy.response_signer)
    assert list(built.entries) == [one.file_name for one in specs]
    for spec in specs:
        certificate = built.certificate(spec.file_name)
        assert key_type(certificate.public_key()) is spec.key_type
        assert built.key(spec.file_name).public_key() == certificate.public_key()
        assert certificate.not_valid_after_utc == NOW + spec.lifetime - timedelta(seconds=1)
    ws = built.certificate(hierarchy.issuing(Channel.WS).file_name)
    assert channel_from_policy(ws) == (Channel.WS, TEST)
    assert ws.issuer.rfc4514_string() == f"C=FI,O={hierarchy.organisation},CN={hierarchy.authorities[1].name}"


def test_the_two_bundles_have_no_issuing_ca_in_common():
    built = authority()
    holders, services = (load_bundle(one) for one in (built.holders_bundle, built.services_bundle))
    assert [channel_from_policy(one) for one in holders[2:]] == [(Channel.WS, TEST), (Channel.SFTP, TEST)]
    assert [signs_responses(one) for one in services] == [False, False, True]
    assert holders[:2] == services[:2]


def test_serials_come_from_the_randomness_given():
    drawn = []

    def random(octets):
        drawn.append(octets)
        return bytes([len(drawn)]) * octets

    built = generate_hierarchy(parse(), NOW, random)
    assert drawn == [19] * 6
    assert built.certificate("SinettiRootTestCAv1").serial_number == int("41" + "01" * 18, 16)


def test_the_next_response_signer_is_planned_like_the_first():
    plan = response_signer_plan(authority().hierarchy, holder_key(5).public_key(), NOW)
    assert plan.subject_serial is None
    assert plan.customer_id == "Sinetti Test Response Signer"
    assert plan.span.not_after == NOW + timedelta(days=730) - timedelta(seconds=1)


ENDS = {"a CA with years to live": (1000, 730), "a CA that ends before": (100, 100)}


@pytest.mark.parametrize(("left", "days"), ENDS.values(), ids=ENDS)
def test_the_last_response_signer_ends_with_its_ca(left, days):
    second, end = timedelta(seconds=1), NOW + timedelta(days=left)
    plan = response_signer_plan(authority().hierarchy, holder_key(5).public_key(), NOW, ends_by=end - second)
    assert plan.span.not_after == NOW + timedelta(days=days) - second


def test_every_ca_is_issued_by_the_one_above():
    built = authority()
    for spec in built.hierarchy.authorities[1:]:
        parent = built.certificate(spec.parent.replace(" ", ""))
        assert find_issuer(built.certificate(spec.file_name), [parent], NOW) == parent
        assert policy_for(spec, subject_of(built.hierarchy)) is not None


def test_a_signer_of_responses_is_no_issuer():
    with pytest.raises(KeyError):
        authority().issuer("SinettiTestResponseSigner")


VALIDITIES = {
    "P730D": timedelta(days=730),
    "PT24H": timedelta(days=1),
    "P1D": timedelta(days=1),
    "P1W": timedelta(days=7),
    "P1DT12H30M15S": timedelta(days=1, hours=12, minutes=30, seconds=15),
}


@pytest.mark.parametrize(("written", "life"), VALIDITIES.items(), ids=VALIDITIES)
def test_the_validity_of_holders(written, life):
    assert parse(DEFAULT.replace("P730D", written)).holder_validity == life


@pytest.mark.parametrize(("preset", "days"), {"short-47d": 47, "short-7d": 7}.items())
def test_a_preset_of_short_lives_differs_in_nothing_else(preset, days):
    short = parse(load_preset(preset))
    assert short.holder_validity == timedelta(days=days)
    assert replace(short, holder_validity=timedelta(days=730)) == parse()


OLD = DEFAULT.replace('validity = "P730D"', "validity_days = 730")


def test_a_stored_hierarchy_of_version_0_1_0():
    stored = parse_hierarchy(OLD, TEST, BASE_URL, is_stored=True)
    assert stored == parse()
    assert parse_hierarchy(DEFAULT, TEST, BASE_URL, is_stored=True) == parse()


SAME = {
    "of version 0.1.0": (OLD, DEFAULT, True),
    "of version 0.1.0, with another life": (OLD, load_preset("short-7d"), False),
    "names in full for PRODUCTION": (DEFAULT.replace("{test}", ""), DEFAULT.replace("{test}", ""), True),
    "names in full, and others": (DEFAULT.replace("{test}", ""), DEFAULT, False),
}


@pytest.mark.parametrize(("stored", "text", "same"), SAME.values(), ids=SAME)
def test_a_stored_hierarchy_is_compared_by_what_it_says(stored, text, same):
    assert is_same_hierarchy(stored, text) is same


@pytest.mark.parametrize("preset", PRESETS)
def test_a_standby_is_the_next_generation_of_each_issuing_ca(preset):
    hierarchy = parse(with_standby(load_preset(preset), "pkcs11:token=second"))
    before = parse(load_preset(preset))
    added = hierarchy.authorities[len(before.authorities) :]
    assert hierarchy.authorities[: len(before.authorities)] == before.authorities
    assert [one.channel for one in added] == [Channel.WS, Channel.SFTP]
    for one in added:
        first = hierarchy.issuing(one.channel)
        assert one == replace(first, name=first.name.replace("v1", "v2"), token="pkcs11:token=second", is_standby=True)
        assert not first.is_standby


def test_a_standby_is_added_once():
    text = with_standby(DEFAULT)
    assert with_standby(text) == text
    assert "token" not in text
    for wrong in ("[", 'authorities = "x"', "authorities = [1]", '[[authorities]]\nrole = "issuing"'):
        assert with_standby(wrong) == wrong


ARCS = {
    "of an enterprise": (ARC, True),
    "of two numbers": ("1.39", True),
    "of the largest numbers": ("2.2147483647" + ".2147483647" * 9, True),
    "for examples": ("2.999", True),
    "of eleven numbers more": ("2.2147483647" + ".2147483647" * 10, False),
    "a number of 32 bits": ("1.3.6.1.4.1.2147483648", False),
    "a UUID": ("2.25.156868473485101095000396921412762461610", False),
    "a leading zero": ("1.3.06", False),
    "one number": ("1", False),
    "no root": ("3.1", False),
    "a second number that is too large": ("1.40", False),
    "a dot at the end": ("1.3.", False),
    "other digits": ("1.3.\u0663", False),
    "blank at the end": ("1.3 ", False),
}


@pytest.mark.parametrize(("arc", "good"), ARCS.values(), ids=ARCS)
def test_an_arc_has_numbers_that_every_program_reads(arc, good):
    text = with_policy_arc(DEFAULT, TEST, arc)
    if not good:
        with pytest.raises(HierarchyError, match="policy_arc"):
            parse(text)
        return
    hierarchy = parse(text)
    policies = [policy_for(spec, subject_of(hierarchy)).dotted_string for spec in hierarchy.authorities[2:]]
    assert policies == [f"{arc}.7734212.{number}.2" for number in (1, 2, 3)]


NO_ARCS = {
    "none": DEFAULT,
    "that for examples": with_policy_arc(DEFAULT, TEST),
    "one below it": with_policy_arc(DEFAULT, TEST, "2.999.1"),
}


def test_production_needs_an_arc_of_its_own():
    attempts = {case: partial(parse, text, PRODUCTION) for case, text in NO_ARCS.items()}
    golden.check("sentences/hierarchy/no-arc", {"en.txt": golden.refusals(attempts, HierarchyError)})
    assert {parse(text).policy_arc for text in NO_ARCS.values()} == {None, "2.999", "2.999.1"}


def test_a_stored_hierarchy_of_production_may_have_none():
    stored = parse_hierarchy(DEFAULT, PRODUCTION, BASE_URL, is_stored=True)
    assert stored.policy_arc is None
    assert policy_for(stored.services, subject_of(stored)).dotted_string.startswith("2.25.156868")
    with pytest.raises(HierarchyError, match="examples"):
        parse_hierarchy(with_policy_arc(DEFAULT, TEST), PRODUCTION, BASE_URL, is_stored=True)


def test_the_arc_of_the_option_replaces_that_of_the_file():
    text = with_policy_arc(DEFAULT, PRODUCTION, ARC)
    assert parse(text, PRODUCTION).policy_arc == ARC
    assert with_policy_arc(text, PRODUCTION) == with_policy_arc(text, TEST) == text
    assert parse(with_policy_arc(text, TEST, "2.999.7")).policy_arc == "2.999.7"
    with pytest.raises(HierarchyError, match="policy_arc"):
        parse(with_policy_arc(text, TEST, ""))
    assert with_policy_arc(DEFAULT, PRODUCTION) == DEFAULT
    assert parse(with_policy_arc(with_standby(DEFAULT), TEST)).policy_arc == "2.999"


def test_an_arc_in_one_hierarchy_alone_is_no_difference():
    first, second = (with_policy_arc(DEFAULT, TEST, arc) for arc in (None, ARC))
    assert is_same_hierarchy(DEFAULT, first)
    assert is_same_hierarchy(first, DEFAULT)
    assert is_same_hierarchy(first, f"{first}\n")
    assert not is_same_hierarchy(first, second)
