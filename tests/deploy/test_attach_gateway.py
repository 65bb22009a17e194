"""scripts/attach-gateway against a stand-in for the AWS CLI. `.ci/deploy-lint` runs it: it needs botocore."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPT = HERE.parent.parent / "scripts" / "attach-gateway"
FUNCTION = "arn:aws:lambda:eu-central-1:111122223333:function:toolgate"
OTHER = "arn:aws:lambda:eu-central-1:111122223333:function:other"
GATEWAY = {
    "gatewayArn": "arn:aws:bedrock-agentcore:eu-central-1:111122223333:gateway/shop-abcdefghij",
    "gatewayId": "shop-abcdefghij",
    "gatewayUrl": "https://gateway.example.com/mcp",
    "createdAt": "2026-11-01T00:00:00Z",
    "updatedAt": "2026-11-01T00:00:00Z",
    "status": "READY",
    "name": "shop",
    "roleArn": "arn:aws:iam::111122223333:role/shop",
    "protocolType": "MCP",
    "protocolConfiguration": {"mcp": {"supportedVersions": ["2025-11-25"], "searchType": "SEMANTIC"}},
    "authorizerType": "CUSTOM_JWT",
    "authorizerConfiguration": {
        "customJWTAuthorizer": {
            "discoveryUrl": "https://issuer.example.com/.well-known/openid-configuration",
            "allowedClients": ["agent"],
        }
    },
}


def interceptor(arn, *points):
    return {
        "interceptionPoints": list(points),
        "interceptor": {"lambda": {"arn": arn}},
        "inputConfiguration": {"passRequestHeaders": True},
    }


class AttachGateway(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "bin").mkdir()
        # Under this Python, whatever `python3` is.
        program = self.folder / "bin" / "aws"
        shutil.copy(HERE / "aws", program)
        program.write_text(program.read_text().replace("/usr/bin/env python3", sys.executable, 1))
        self.state = self.folder / "gateway.json"
        self.have(GATEWAY)

    def have(self, gateway):
        self.state.write_text(json.dumps(gateway))

    def gateway(self):
        return json.loads(self.state.read_text())

    def run_script(self, *arguments, instead=None):
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [sys.executable, SCRIPT, "--gateway", GATEWAY["gatewayId"], *arguments], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
            env={**os.environ, "PATH": path, "STATE": str(self.state), "INSTEAD": json.dumps(instead or {})},
        )

    def test_without_apply_nothing_changes(self):
        done = self.run_script("--function", FUNCTION)
        self.assertEqual((done.returncode, self.gateway()), (0, GATEWAY), done.stderr)
        self.assertIn("AuthorizerType must be CUSTOM_JWT", done.stdout)

    def test_everything_else_stays_as_it_was(self):
        done = self.run_script("--function", FUNCTION, "--apply")
        expected = {**GATEWAY, "interceptorConfigurations": [interceptor(FUNCTION, "REQUEST")]}
        self.assertEqual((done.returncode, self.gateway()), (0, expected), done.stderr)
        again = self.run_script("--function", FUNCTION, "--apply")
        self.assertIn("nothing to change", again.stdout)

    def test_another_request_interceptor_stays_unless_it_is_to_be_replaced(self):
        self.have({**GATEWAY, "interceptorConfigurations": [interceptor(OTHER, "REQUEST", "RESPONSE")]})
        refused = self.run_script("--function", FUNCTION, "--apply")
        self.assertEqual(refused.returncode, 1)
        self.assertIn(OTHER, refused.stderr)
        done = self.run_script("--function", FUNCTION, "--replace", "--apply")
        both = [interceptor(FUNCTION, "REQUEST"), interceptor(OTHER, "RESPONSE")]
        self.assertEqual((done.returncode, self.gateway()["interceptorConfigurations"]), (0, both), done.stderr)

    def test_detaching_leaves_no_empty_list_which_the_api_refuses(self):
        self.run_script("--function", FUNCTION, "--apply")
        done = self.run_script("--detach", "--apply")
        self.assertEqual((done.returncode, self.gateway()), (0, GATEWAY), done.stderr)

    def test_the_configuration_from_before_can_be_restored(self):
        before = {**GATEWAY, "interceptorConfigurations": [interceptor(OTHER, "REQUEST")]}
        self.have(before)
        self.run_script("--function", FUNCTION, "--replace", "--apply")
        self.assertNotEqual(self.gateway(), before)
        (kept,) = self.folder.glob("shop-abcdefghij-*.json")
        done = self.run_script("--restore", str(kept), "--apply")
        self.assertEqual((done.returncode, self.gateway()), (0, before), done.stderr)

    def test_a_gateway_without_the_interceptor_is_a_failure_whatever_the_update_said(self):
        without_headers = {**interceptor(FUNCTION, "REQUEST"), "inputConfiguration": {"passRequestHeaders": False}}
        for found in (
            [],
            [interceptor(OTHER, "REQUEST")],
            [interceptor(FUNCTION, "RESPONSE")],
            [without_headers],
            [{name: value for name, value in without_headers.items() if name != "inputConfiguration"}],
            [interceptor(FUNCTION, "REQUEST"), interceptor(OTHER, "REQUEST")],
        ):
            self.have(GATEWAY)
            done = self.run_script("--function", FUNCTION, "--apply", instead={"interceptorConfigurations": found})
            self.assertEqual(done.returncode, 1, (found, done.stdout))
            self.assertIn("REQUEST interceptors are", done.stderr)
            self.assertNotIn("read back", done.stdout)

    def test_what_is_no_function_is_refused_before_anything_is_asked(self):
        self.run_script("--function", FUNCTION, "--apply")
        before = self.gateway()
        for text in ("", " ", "\n", f" {FUNCTION}", f"{FUNCTION} ", f"{FUNCTION}\n", "toolgate", "None", "null",
                     "arn:aws:lambda:eu-central-1:111122223333:function:",
                     "arn:aws:s3:::bucket", FUNCTION.replace("function", "layer")):
            done = self.run_script("--function", text, "--replace", "--apply")
            self.assertEqual(done.returncode, 2, (text, done.stdout))
            self.assertIn("--function", done.stderr)
            self.assertEqual(self.gateway(), before, text)
        for arn in (f"{FUNCTION}:live", f"{FUNCTION}:7", FUNCTION.replace("arn:aws:", "arn:aws-us-gov:")):
            self.assertEqual(self.run_script("--function", arn, "--replace").returncode, 0, arn)

    def test_a_configuration_without_an_interceptor_is_restored_only_if_that_is_said(self):
        self.run_script("--function", FUNCTION, "--apply")
        (kept,) = self.folder.glob("shop-abcdefghij-*.json")
        before = self.gateway()
        for options in ((), ("--apply",)):
            refused = self.run_script("--restore", str(kept), *options)
            self.assertEqual((refused.returncode, self.gateway()), (1, before), refused.stdout)
            self.assertIn("--unjudged", refused.stderr)
        done = self.run_script("--restore", str(kept), "--unjudged", "--apply")
        self.assertEqual((done.returncode, self.gateway()), (0, GATEWAY), done.stderr)

    def test_a_lost_response_interceptor_and_another_authorizer_are_failures(self):
        response = interceptor(OTHER, "RESPONSE")
        for found, says in (
            ({"interceptorConfigurations": [interceptor(FUNCTION, "REQUEST")]}, "RESPONSE interceptors are []"),
            ({"authorizerType": "NONE"}, "authorizerType is NONE"),
        ):
            self.have({**GATEWAY, "interceptorConfigurations": [response]})
            done = self.run_script("--function", FUNCTION, "--apply", instead=found)
            self.assertEqual(done.returncode, 1, (found, done.stdout))
            self.assertIn(says, done.stderr)
            self.assertNotIn("read back", done.stdout)

    def test_a_gateway_that_did_not_settle_well_is_a_failure(self):
        for status in ("FAILED", "UPDATE_UNSUCCESSFUL"):
            self.have(GATEWAY)
            reasons = {"status": status, "statusReasons": ["no right to invoke"]}
            done = self.run_script("--function", FUNCTION, "--apply", instead=reasons)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("no right to invoke", done.stderr)
            again = self.run_script("--function", FUNCTION, "--apply")
            self.assertEqual(again.returncode, 1, "nothing to change, and not well either")

    def test_a_detached_gateway_that_still_has_an_interceptor_is_a_failure(self):
        self.run_script("--function", FUNCTION, "--apply")
        left = {"interceptorConfigurations": [interceptor(FUNCTION, "REQUEST")]}
        self.assertEqual(self.run_script("--detach", "--apply", instead=left).returncode, 1)

    def test_what_the_api_does_not_take_changes_nothing(self):
        self.have({**GATEWAY, "novelty": True})
        done = self.run_script("--function", FUNCTION, "--apply")
        self.assertEqual((done.returncode, self.gateway()), (2, {**GATEWAY, "novelty": True}))
        self.assertIn("novelty", done.stderr)


if __name__ == "__main__":
    unittest.main()
