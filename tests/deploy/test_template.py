"""template.yaml and what is written about it: names that drift apart would only show in a deployment."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATE = (ROOT / "template.yaml").read_text()
DEPLOYING = (ROOT / "docs" / "deploying.md").read_text()


def section(name):
    """The names that are declared in a section of the template."""
    text = re.search(rf"^{name}:\n(.*?)(?=^\S)", TEMPLATE + "\nEnd:", re.DOTALL | re.MULTILINE)[1]
    return re.findall(r"^  (\w+):$", text, re.MULTILINE)


class Template(unittest.TestCase):
    def test_every_variable_is_a_setting(self):
        settings = (ROOT / "docs" / "configuration.md").read_text()
        variables = re.findall(r"^ +(TOOLGATE_\w+):", TEMPLATE, re.MULTILINE)
        self.assertGreater(len(variables), 5)
        for variable in variables:
            self.assertIn(f"`{variable}`", settings)
            self.assertIn(f"`{variable}`", DEPLOYING)

    def test_every_parameter_is_documented_and_grouped(self):
        groups = TEMPLATE[TEMPLATE.index("ParameterGroups") : TEMPLATE.index("\nParameters:")]
        for parameter in section("Parameters"):
            self.assertIn(f"`{parameter}`", DEPLOYING)
            self.assertRegex(groups, rf"\b{parameter}\b")

    def test_what_must_be_chosen_has_no_default(self):
        parameters = re.split(r"^  (?=\w+:$)", TEMPLATE[TEMPLATE.index("\nParameters:") : TEMPLATE.index("\nRules:")], flags=re.MULTILINE)
        without = [text.split(":")[0] for text in parameters[1:] if "Default:" not in text]
        self.assertEqual(without, ["DefaultDecision", "AuthorizerType"])

    def test_the_metrics_of_alarms_are_those_of_the_record(self):
        record = (ROOT / "src" / "audit.rs").read_text()
        metrics = re.findall(r"Namespace: !Ref MetricNamespace(?:,|\n +)\s*MetricName: (\w+)", TEMPLATE)
        self.assertEqual(sorted({*metrics}), ["Allow", "Deny", "Error", "Fault"])
        for metric in metrics:
            self.assertIn(f'"Name":"{metric}"', record)

    def test_every_alarm_that_notifies_is_documented(self):
        alarms = re.findall(r"^  (\w+Alarm):$", TEMPLATE, re.MULTILINE)
        self.assertEqual(len(alarms), 5)
        for alarm in alarms:
            self.assertIn(f"| `{alarm}` |", DEPLOYING)

    def test_alarms_of_another_composite_notify_nobody(self):
        for name in re.findall(r'ALARM\("\$\{(\w+)\.Arn\}"\)', TEMPLATE):
            part = re.search(rf"^  {name}:\n(.*?)(?=^  \w+:$|^\S)", TEMPLATE, re.DOTALL | re.MULTILINE)[1]
            self.assertNotIn("AlarmActions", part)


if __name__ == "__main__":
    unittest.main()
