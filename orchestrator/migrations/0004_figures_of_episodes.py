from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orchestrator", "0003_kept_answers_moved")]

    operations = [
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(
                fields=["brand", "state", "mode", "finished_at", "simulated", "reward", "cost"], name="episode_figures"
            ),
        ),
    ]
