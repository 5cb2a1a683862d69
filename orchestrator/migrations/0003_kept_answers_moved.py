from django.db import migrations


class Migration(migrations.Migration):
    """The table lives in `crm` now. Its rows are kept for two days only and are not carried over."""

    dependencies = [
        ('crm', '0003_kept_answers'),
        ('orchestrator', '0002_newest_episodes_of_a_state'),
    ]

    operations = [migrations.DeleteModel(name='IdempotencyRecord')]
