import crm.models.windows
from django.db import migrations


class Migration(migrations.Migration):
    """On PostgreSQL every fact is written anew, which takes about a minute for ten million of them."""

    dependencies = [
        ("crm", "0004_campaign_history"),
    ]

    operations = [
        migrations.AlterField(
            model_name="performancemetric",
            name="other_windows",
            field=crm.models.windows.WindowsField(
                blank=True,
                help_text='{"30|click": {"orders": 2, "units": 2, "sales": 9.8}}: days, attribution and figures',
                null=True,
            ),
        ),
    ]
