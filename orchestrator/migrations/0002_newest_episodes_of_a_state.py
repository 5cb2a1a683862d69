from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orchestrator", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(fields=["brand", "state", "-created_at"], name="episode_newest_of_state"),
        ),
    ]
