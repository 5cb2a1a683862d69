"""Models of retail data. The table of facts is made anew, see RebuildFacts."""

from datetime import date

import django.core.validators
import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
import simple_history.models
from django.conf import settings
from django.core.management.color import no_style
from django.db import migrations, models

from crm.identity import identity_of


TABLE, PARKED = 'crm_performancemetric', 'crm_performancemetric_parked'
REPORT = 'endcap-daily'  # rows of before there were reports


def month_after(day):
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


class RebuildFacts(migrations.SeparateDatabaseAndState):
    """A new table of facts instead of the old one, with its rows. On PostgreSQL it is partitioned by month, which no
    `ALTER TABLE` can make of a table that exists. The way back adds up what counts, to one row a campaign and day."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        run = schema_editor.execute
        old = from_state.apps.get_model('crm', 'PerformanceMetric')
        new = to_state.apps.get_model('crm', 'PerformanceMetric')
        rows = list(
            old.across_brands.order_by('pk').values_list(
                'pk', 'brand_id', 'campaign_id', 'campaign__external_id', 'campaign__retailer_id',
                'campaign__retailer__slug', 'brand__currency', 'measured_on', 'impressions', 'clicks', 'orders',
                'spend', 'sales',
            )
        )
        run(f'DROP TABLE {TABLE}')
        if schema_editor.connection.vendor == 'postgresql':
            self.create_partitioned(schema_editor, new, {row[7].replace(day=1) for row in rows})
        else:
            schema_editor.create_model(new)
        new.across_brands.bulk_create(
            (
                new(
                    id=pk, brand_id=brand, campaign_id=campaign, retailer_id=retailer, measured_on=day,
                    impressions=impressions, clicks=clicks, orders=orders, spend=spend, sales=sales,
                    grain=1, report=REPORT, currency=currency, attribution='unknown', counts=True,
                    identity=identity_of([slug, REPORT, day, '', external_id, *[''] * 9, currency]),
                )
                for pk, brand, campaign, external_id, retailer, slug, currency, day, impressions, clicks, orders,
                spend, sales in rows
            ),
            batch_size=1000,
        )
        self.reset_sequence(schema_editor, new)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        run = schema_editor.execute
        old = to_state.apps.get_model('crm', 'PerformanceMetric')
        run(f'ALTER TABLE {TABLE} RENAME TO {PARKED}')
        run('DROP INDEX IF EXISTS fact_counting')
        if schema_editor.connection.vendor == 'postgresql':
            for kind in ('pkey', 'id_seq'):
                what = 'SEQUENCE' if kind == 'id_seq' else 'INDEX'
                run(f'ALTER {what} {TABLE}_{kind} RENAME TO {PARKED}_{kind}')
        schema_editor.create_model(old)
        run(
            f'INSERT INTO {TABLE} (id, brand_id, campaign_id, measured_on, impressions, clicks, orders, spend, sales)'
            ' SELECT min(id), brand_id, campaign_id, measured_on, coalesce(sum(impressions), 0),'
            ' coalesce(sum(clicks), 0), coalesce(round(sum(orders)), 0), coalesce(round(sum(spend), 2), 0),'
            f' coalesce(round(sum(sales), 2), 0) FROM {PARKED} WHERE counts AND campaign_id IS NOT NULL'
            ' GROUP BY brand_id, campaign_id, measured_on'
        )
        run(f'DROP TABLE {PARKED}')
        self.reset_sequence(schema_editor, old)

    def create_partitioned(self, schema_editor, model, months):
        """The columns as Django would make them; primary key and unique constraint hold the key of the partitions."""
        run, columns = schema_editor.execute, []
        run(f'CREATE SEQUENCE {TABLE}_id_seq')
        for field in model._meta.local_fields:
            if field.primary_key:
                columns.append(f"id bigint NOT NULL DEFAULT nextval('{TABLE}_id_seq')")
                continue
            definition, params = schema_editor.column_sql(model, field)
            assert not params
            columns.append(f'"{field.column}" {definition}')
        run(
            f'CREATE TABLE {TABLE} ({", ".join(columns)}, CONSTRAINT {TABLE}_pkey PRIMARY KEY (id, measured_on),'
            ' CONSTRAINT fact_once UNIQUE (brand_id, measured_on, identity)) PARTITION BY RANGE (measured_on)'
        )
        run(f'ALTER SEQUENCE {TABLE}_id_seq OWNED BY {TABLE}.id')
        run(f'CREATE INDEX fact_counting ON {TABLE} (brand_id, campaign_id, measured_on) WHERE counts')
        run(f'CREATE TABLE {TABLE}_other PARTITION OF {TABLE} DEFAULT')
        for first in sorted(months):
            run(
                f"CREATE TABLE {TABLE}_{first:%Y_%m} PARTITION OF {TABLE}"
                f" FOR VALUES FROM ('{first}') TO ('{month_after(first)}')"
            )

    def reset_sequence(self, schema_editor, model):
        for statement in schema_editor.connection.ops.sequence_reset_sql(no_style(), [model]):
            schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AdEntity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('portfolio', 'Portfolio'), ('ad_group', 'Ad group'), ('ad', 'Ad'), ('target', 'Keyword or target')], max_length=9)),
                ('external_id', models.CharField(max_length=120)),
                ('name', models.CharField(blank=True, max_length=300)),
                ('parent_id', models.CharField(blank=True, help_text='External id of the ad group, for an ad', max_length=120)),
                ('detail', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'ordering': ('kind', 'external_id'),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='AudienceSegment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=120)),
                ('name', models.CharField(max_length=200)),
                ('definition', models.JSONField(blank=True, default=dict, help_text='Rules in words of the source, by name')),
                ('reach_estimate', models.PositiveBigIntegerField(blank=True, help_text='People', null=True)),
                ('reach_estimated_on', models.DateField(blank=True, null=True)),
                ('source', models.CharField(choices=[('first_party', 'Our own customers'), ('retailer', "The retailer's shoppers"), ('clean_room', 'Clean room'), ('modelled', 'Modelled')], default='retailer', max_length=11)),
                ('consent_basis', models.CharField(choices=[('consent', 'Consent given'), ('contract', 'Needed for a contract'), ('interest', 'Legitimate interest'), ('aggregate', 'Aggregates only, no persons'), ('unknown', 'Not recorded')], default='unknown', max_length=9)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ('name',),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='CampaignPlan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField()),
                ('spend', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True)),
                ('impressions', models.PositiveBigIntegerField(blank=True, null=True)),
                ('clicks', models.PositiveBigIntegerField(blank=True, null=True)),
                ('orders', models.PositiveBigIntegerField(blank=True, null=True)),
                ('sales', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True)),
                ('source', models.CharField(default='person', max_length=60)),
                ('changed_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ('campaign', 'starts_on'),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='CleanRoom',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('endpoint', models.URLField(blank=True, help_text='Blank: the embedded clean room over local data', max_length=300)),
                ('key_variable', models.CharField(blank=True, help_text='Name of the environment variable that holds the bearer key', max_length=80)),
                ('minimum_group', models.PositiveIntegerField(default=50, validators=[django.core.validators.MinValueValidator(2)])),
                ('epsilon_limit', models.FloatField(default=10.0, help_text='Privacy budget a period', validators=[django.core.validators.MinValueValidator(0)])),
                ('delta', models.FloatField(default=1e-06)),
                ('period_days', models.PositiveSmallIntegerField(default=30, help_text='The budget is whole again after so many days')),
                ('active', models.BooleanField(default=True)),
            ],
            options={
                'ordering': ('name',),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='CleanRoomQuery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('question', models.JSONField(help_text='The query as it was asked')),
                ('question_hash', models.CharField(help_text='The same question in a period gets the same answer, free', max_length=64)),
                ('state', models.CharField(choices=[('answered', 'Answered'), ('refused', 'Refused'), ('failed', 'Failed')], max_length=8)),
                ('epsilon', models.FloatField(default=0)),
                ('delta', models.FloatField(default=0)),
                ('answer', models.JSONField(blank=True, null=True)),
                ('served_by', models.CharField(help_text='embedded, or the host of the endpoint', max_length=120)),
                ('error', models.TextField(blank=True)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('took_ms', models.PositiveIntegerField(default=0)),
            ],
            options={
                'ordering': ('-asked_at', '-pk'),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person', models.CharField(help_text='Keyed hash of the address or customer id', max_length=64)),
                ('purpose', models.CharField(choices=[('email', 'E-mail'), ('measurement', 'Measurement'), ('audience', 'Audiences'), ('training', 'Learning from answers')], max_length=11)),
                ('given', models.BooleanField()),
                ('source', models.CharField(max_length=120)),
                ('said_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ('-said_at', '-pk'),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person', models.CharField(help_text='Keyed hash of the address or customer id', max_length=64)),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('failed', 'Failed')], default='running', max_length=8)),
                ('report', models.JSONField(default=dict, help_text='By model: rows erased, rows blanked, texts redacted, adapters')),
                ('error', models.TextField(blank=True)),
                ('asked_at', models.DateTimeField(auto_now_add=True)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ('-asked_at', '-pk'),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='HistoricalCampaign',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('external_id', models.CharField(max_length=80)),
                ('name', models.CharField(max_length=200)),
                ('objective', models.CharField(blank=True, max_length=60)),
                ('budget', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True)),
                ('budget_period', models.CharField(choices=[('day', 'A day'), ('week', 'A week'), ('month', 'A month'), ('total', 'In all')], default='week', max_length=5)),
                ('currency', models.CharField(blank=True, help_text="ISO 4217; blank: the retailer's, then the brand's", max_length=3)),
                ('starts_on', models.DateField(blank=True, null=True)),
                ('ends_on', models.DateField(blank=True, null=True)),
                ('status', models.CharField(choices=[('planned', 'Planned'), ('live', 'Live'), ('paused', 'Paused'), ('ended', 'Ended')], default='live', max_length=10)),
                ('constraints', models.JSONField(blank=True, default=dict, help_text='Rules for whoever plans it: min_spend, max_spend, min_roas, note')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical campaign',
                'verbose_name_plural': 'historical campaigns',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='PrivacyPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('body', models.TextField(help_text='YAML; see docs/privacy.md, tested by manage.py check_policy')),
                ('version', models.PositiveIntegerField(default=1)),
                ('changed_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ('brand', 'retailer'),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='ReportMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, validators=[django.core.validators.RegexValidator('^[a-z0-9]+(?:-[a-z0-9]+)*$', 'Use lower-case letters, digits and single hyphens.')])),
                ('title', models.CharField(max_length=120)),
                ('body', models.JSONField(help_text='The mapping as its YAML file would say it')),
                ('fingerprint', models.CharField(blank=True, max_length=64)),
                ('confirmed_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ('name',),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Restatement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('measured_on', models.DateField()),
                ('identity', models.BigIntegerField()),
                ('before', models.JSONField(help_text='Changed figures as they were, with source and source_row')),
                ('after', models.JSONField(help_text='The same figures as this import has them')),
                ('changed_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ('-changed_at', '-pk'),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='RetailerItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scheme', models.CharField(choices=[('gtin', 'Barcode'), ('asin', 'ASIN'), ('item', 'Item number'), ('sku', "Seller's code")], max_length=5)),
                ('code', models.CharField(max_length=80)),
                ('name', models.CharField(blank=True, max_length=300)),
                ('size', models.CharField(blank=True, max_length=60)),
                ('price', models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True)),
                ('state', models.CharField(choices=[('matched', 'Matched'), ('waiting', 'Waits for a person'), ('rejected', 'Not ours')], default='waiting', max_length=8)),
                ('confidence', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(1)])),
                ('evidence', models.JSONField(blank=True, default=list)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('first_seen_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ('-confidence', 'pk'),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='SegmentMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person', models.CharField(help_text='Keyed hash of the address or customer id', max_length=64)),
                ('reason', models.CharField(choices=[('unsubscribed', 'Unsubscribed'), ('bounced', 'Address does not exist'), ('complained', 'Complained'), ('erased', 'Was erased'), ('manual', 'Entered by hand')], max_length=12)),
                ('source', models.CharField(blank=True, max_length=120)),
                ('since', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ('-since', '-pk'),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='WatchedSource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.CharField(help_text='A folder below WATCH_ROOT, or s3://bucket/prefix', max_length=400)),
                ('pattern', models.CharField(default='*', max_length=120)),
                ('mapping', models.CharField(blank=True, help_text='Blank: found out for each file', max_length=60)),
                ('active', models.BooleanField(default=True)),
                ('every_minutes', models.PositiveIntegerField(default=15)),
                ('looked_at', models.DateTimeField(blank=True, null=True)),
                ('trouble', models.CharField(blank=True, help_text='Why the last look failed', max_length=300)),
            ],
            options={
                'ordering': ('brand', 'place'),
            },
            managers=[
                ('across_brands', django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name='campaign',
            name='budget_period',
            field=models.CharField(choices=[('day', 'A day'), ('week', 'A week'), ('month', 'A month'), ('total', 'In all')], default='week', max_length=5),
        ),
        migrations.AddField(
            model_name='campaign',
            name='constraints',
            field=models.JSONField(blank=True, default=dict, help_text='Rules for whoever plans it: min_spend, max_spend, min_roas, note'),
        ),
        migrations.AddField(
            model_name='campaign',
            name='currency',
            field=models.CharField(blank=True, help_text="ISO 4217; blank: the retailer's, then the brand's", max_length=3),
        ),
        migrations.AddField(
            model_name='import',
            name='attempts',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='import',
            name='first_on',
            field=models.DateField(blank=True, help_text='First day of the figures in it', null=True),
        ),
        migrations.AddField(
            model_name='import',
            name='kept_as',
            field=models.CharField(blank=True, help_text='Where the file lies, below UPLOADS_ROOT', max_length=255),
        ),
        migrations.AddField(
            model_name='import',
            name='last_on',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='import',
            name='leased_by',
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name='import',
            name='leased_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='import',
            name='mapping',
            field=models.CharField(blank=True, help_text='Name of the mapping that reads it', max_length=60),
        ),
        migrations.AddField(
            model_name='import',
            name='progress',
            field=models.FloatField(default=0, help_text='Share of the file that was read, in [0, 1]'),
        ),
        migrations.AddField(
            model_name='import',
            name='proposal',
            field=models.JSONField(blank=True, default=dict, help_text='What the harmonizer thinks an unknown report means'),
        ),
        migrations.AddField(
            model_name='import',
            name='reconciliation',
            field=models.JSONField(blank=True, default=dict, help_text='By figure: {"spend": {"source": .., "stored": .., "unchanged": .., "set_aside": .., "said": ..}}'),
        ),
        migrations.AddField(
            model_name='import',
            name='retailer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='imports', to='crm.retailer'),
        ),
        migrations.AddField(
            model_name='import',
            name='rows_restated',
            field=models.PositiveIntegerField(default=0, help_text='Of those stored: known before, with other figures'),
        ),
        migrations.AddField(
            model_name='import',
            name='size_bytes',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='import',
            name='undone_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='import',
            name='undone_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='quarantinedrow',
            name='spend',
            field=models.DecimalField(blank=True, decimal_places=6, max_digits=18, null=True),
        ),
        migrations.AddField(
            model_name='retailer',
            name='currency',
            field=models.CharField(blank=True, help_text="ISO 4217; blank: the brand's", max_length=3),
        ),
        migrations.AddField(
            model_name='retailer',
            name='delivers_by',
            field=models.TimeField(blank=True, help_text='Local time by which a report is expected', null=True),
        ),
        migrations.AddField(
            model_name='retailer',
            name='delivers_every_days',
            field=models.PositiveSmallIntegerField(blank=True, help_text='How often a report is expected; blank: whenever somebody brings one', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(366)]),
        ),
        migrations.AddField(
            model_name='retailer',
            name='network',
            field=models.CharField(blank=True, help_text='Family of report mappings, for example amazon-ads or walmart-connect', max_length=40),
        ),
        migrations.AddField(
            model_name='retailer',
            name='time_zone',
            field=models.CharField(default='UTC', help_text='IANA name; days of reports are days there', max_length=60),
        ),
        migrations.AddField(
            model_name='sku',
            name='gtin',
            field=models.CharField(blank=True, help_text='GS1 GTIN-14', max_length=14, validators=[django.core.validators.RegexValidator('^\\d{14}$', 'A GTIN-14 has 14 digits.')]),
        ),
        migrations.AddField(
            model_name='sku',
            name='product_brand',
            field=models.CharField(blank=True, help_text='The name on the package', max_length=120),
        ),
        migrations.AddField(
            model_name='sku',
            name='size',
            field=models.CharField(blank=True, help_text='As written on the package, for example 6 x 27 g', max_length=60),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='status',
            field=models.CharField(choices=[('planned', 'Planned'), ('live', 'Live'), ('paused', 'Paused'), ('ended', 'Ended')], default='live', max_length=10),
        ),
        migrations.AlterField(
            model_name='import',
            name='kind',
            field=models.CharField(help_text='sales, leads, deals, hubspot, completejourney, report, products', max_length=40),
        ),
        migrations.AlterField(
            model_name='import',
            name='state',
            field=models.CharField(choices=[('mapping', 'Waits for you'), ('queued', 'Waits for a worker'), ('running', 'Running'), ('stored', 'Stored'), ('partial', 'Some rows set aside'), ('failed', 'Failed'), ('undone', 'Undone'), ('discarded', 'Not kept')], default='running', max_length=10),
        ),
        migrations.AddIndex(
            model_name='import',
            index=models.Index(fields=['brand', 'retailer', '-started_at'], name='import_by_retailer_newest'),
        ),
        migrations.AddIndex(
            model_name='import',
            index=models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['leased_until'], name='import_to_do'),
        ),
        migrations.AddConstraint(
            model_name='sku',
            constraint=models.UniqueConstraint(condition=models.Q(('gtin', ''), _negated=True), fields=('brand', 'gtin'), name='sku_gtin_once_per_brand'),
        ),
        migrations.AddField(
            model_name='adentity',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ad_entities', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='adentity',
            name='campaign',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='entities', to='crm.campaign'),
        ),
        migrations.AddField(
            model_name='adentity',
            name='retailer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ad_entities', to='crm.retailer'),
        ),
        migrations.AddField(
            model_name='audiencesegment',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='audiences', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='audiencesegment',
            name='retailer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='audiences', to='crm.retailer'),
        ),
        migrations.AddField(
            model_name='campaign',
            name='audiences',
            field=models.ManyToManyField(blank=True, related_name='campaigns', to='crm.audiencesegment'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('starts_on__isnull', True), ('ends_on__isnull', True), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='campaign_ends_after_start'),
        ),
        migrations.AddField(
            model_name='campaignplan',
            name='campaign',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='plans', to='crm.campaign'),
        ),
        migrations.AddField(
            model_name='cleanroom',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='clean_rooms', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='cleanroom',
            name='retailer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='clean_rooms', to='crm.retailer'),
        ),
        migrations.AddField(
            model_name='cleanroomquery',
            name='asked_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='cleanroomquery',
            name='room',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='queries', to='crm.cleanroom'),
        ),
        migrations.AddField(
            model_name='consent',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consents', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='consent',
            name='contact',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='consents', to='crm.contact'),
        ),
        migrations.AddField(
            model_name='erasure',
            name='asked_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='erasure',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='erasures', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='historicalcampaign',
            name='brand',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='historicalcampaign',
            name='history_user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicalcampaign',
            name='retailer',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='crm.retailer'),
        ),
        migrations.AddField(
            model_name='privacypolicy',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='privacy_policies', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='privacypolicy',
            name='changed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='privacypolicy',
            name='retailer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='policies', to='crm.retailer'),
        ),
        migrations.AddField(
            model_name='reportmapping',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mappings', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='reportmapping',
            name='confirmed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='reportmapping',
            name='retailer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='mappings', to='crm.retailer'),
        ),
        migrations.AddField(
            model_name='restatement',
            name='batch',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='restatements', to='crm.import'),
        ),
        migrations.AddField(
            model_name='restatement',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='restatements', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='restatement',
            name='campaign',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='restatements', to='crm.campaign'),
        ),
        migrations.AddField(
            model_name='restatement',
            name='retailer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='restatements', to='crm.retailer'),
        ),
        migrations.AddField(
            model_name='retaileritem',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='retailer_items', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='retaileritem',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='retaileritem',
            name='proposed',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='crm.sku'),
        ),
        migrations.AddField(
            model_name='retaileritem',
            name='retailer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='items', to='crm.retailer'),
        ),
        migrations.AddField(
            model_name='retaileritem',
            name='sku',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='items', to='crm.sku'),
        ),
        migrations.AddField(
            model_name='segmentmember',
            name='lead',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='crm.lead'),
        ),
        migrations.AddField(
            model_name='segmentmember',
            name='segment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='crm.audiencesegment'),
        ),
        migrations.AddField(
            model_name='audiencesegment',
            name='members',
            field=models.ManyToManyField(related_name='segments', through='crm.SegmentMember', to='crm.lead'),
        ),
        migrations.AddField(
            model_name='suppression',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='suppressions', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='watchedsource',
            name='brand',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='watched_sources', to='crm.brand'),
        ),
        migrations.AddField(
            model_name='watchedsource',
            name='retailer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='watched_sources', to='crm.retailer'),
        ),
        migrations.AddConstraint(
            model_name='adentity',
            constraint=models.UniqueConstraint(fields=('brand', 'retailer', 'kind', 'external_id'), name='ad_entity_once'),
        ),
        migrations.AddConstraint(
            model_name='campaignplan',
            constraint=models.UniqueConstraint(fields=('campaign', 'starts_on'), name='plan_once_per_period'),
        ),
        migrations.AddConstraint(
            model_name='campaignplan',
            constraint=models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on'))), name='plan_ends_after_start'),
        ),
        migrations.AddConstraint(
            model_name='cleanroom',
            constraint=models.UniqueConstraint(fields=('brand', 'name'), name='clean_room_once_per_brand'),
        ),
        migrations.AddIndex(
            model_name='cleanroomquery',
            index=models.Index(fields=['room', '-asked_at'], name='clean_room_account'),
        ),
        migrations.AddIndex(
            model_name='consent',
            index=models.Index(fields=['brand', 'person', 'purpose', '-said_at'], name='consent_newest'),
        ),
        migrations.AddConstraint(
            model_name='privacypolicy',
            constraint=models.UniqueConstraint(fields=('brand', 'retailer'), name='policy_once_per_retailer'),
        ),
        migrations.AddConstraint(
            model_name='privacypolicy',
            constraint=models.UniqueConstraint(condition=models.Q(('retailer__isnull', True)), fields=('brand',), name='policy_once_per_brand'),
        ),
        migrations.AddConstraint(
            model_name='reportmapping',
            constraint=models.UniqueConstraint(fields=('brand', 'name'), name='mapping_name_once_per_brand'),
        ),
        migrations.AddIndex(
            model_name='restatement',
            index=models.Index(fields=['brand', 'measured_on', 'identity'], name='restatement_of_fact'),
        ),
        migrations.AddIndex(
            model_name='retaileritem',
            index=models.Index(fields=['brand', 'state', '-confidence'], name='item_review_queue'),
        ),
        migrations.AddConstraint(
            model_name='retaileritem',
            constraint=models.UniqueConstraint(fields=('brand', 'retailer', 'scheme', 'code'), name='item_code_once_per_retailer'),
        ),
        migrations.AddConstraint(
            model_name='retaileritem',
            constraint=models.UniqueConstraint(condition=models.Q(('retailer__isnull', True)), fields=('brand', 'scheme', 'code'), name='item_code_once_without_retailer'),
        ),
        migrations.AddConstraint(
            model_name='retaileritem',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'matched'), _negated=True), ('sku__isnull', False), _connector='OR'), name='matched_item_has_sku'),
        ),
        migrations.AddConstraint(
            model_name='segmentmember',
            constraint=models.UniqueConstraint(fields=('segment', 'lead'), name='segment_member_once'),
        ),
        migrations.AddConstraint(
            model_name='audiencesegment',
            constraint=models.UniqueConstraint(fields=('brand', 'external_id'), name='audience_once_per_brand'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.UniqueConstraint(fields=('brand', 'person'), name='suppressed_once_per_brand'),
        ),
        migrations.AddConstraint(
            model_name='watchedsource',
            constraint=models.UniqueConstraint(fields=('brand', 'place', 'pattern'), name='watched_once_per_brand'),
        ),
        RebuildFacts(
            state_operations=[
                migrations.DeleteModel(name='PerformanceMetric'),
                migrations.CreateModel(
                    name='PerformanceMetric',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('measured_on', models.DateField()),
                        ('hour', models.PositiveSmallIntegerField(blank=True, help_text='0 to 23, where the source gives hours', null=True)),
                        ('grain', models.PositiveSmallIntegerField(choices=[(1, 'Campaign'), (2, 'Ad group'), (3, 'Ad'), (4, 'Product'), (5, 'Keyword or target'), (6, 'Search term'), (7, 'Region, device, placement or audience'), (9, 'Whole account')], default=1)),
                        ('ad_group', models.CharField(blank=True, help_text='External id, else the name', max_length=120)),
                        ('ad', models.CharField(blank=True, max_length=120)),
                        ('target', models.CharField(blank=True, help_text='Keyword, target or search term', max_length=255)),
                        ('match_type', models.CharField(blank=True, max_length=30)),
                        ('breakdown', models.CharField(blank=True, help_text='device=MOBILE;network=SEARCH', max_length=200)),
                        ('item', models.CharField(blank=True, help_text="The retailer's code of the product", max_length=80)),
                        ('impressions', models.BigIntegerField(blank=True, null=True)),
                        ('clicks', models.BigIntegerField(blank=True, null=True)),
                        ('spend', models.DecimalField(blank=True, decimal_places=6, max_digits=18, null=True)),
                        ('window_days', models.PositiveSmallIntegerField(blank=True, help_text='Attribution window in days; blank: the source does not say', null=True)),
                        ('attribution', models.CharField(choices=[('click', 'After a click'), ('click_view', 'After a click or a view'), ('view', 'After a view'), ('linear', 'Shared among touches'), ('modelled', 'Modelled by the network'), ('exposure', 'Bought after being reached'), ('unknown', 'Not said')], default='unknown', max_length=10)),
                        ('orders', models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True)),
                        ('units', models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True)),
                        ('sales', models.DecimalField(blank=True, decimal_places=6, max_digits=18, null=True)),
                        ('ntb_orders', models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True)),
                        ('ntb_units', models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True)),
                        ('ntb_sales', models.DecimalField(blank=True, decimal_places=6, max_digits=18, null=True)),
                        ('other_windows', models.JSONField(blank=True, help_text='{"30|click": {"orders": 2, "units": 2, "sales": 9.8}}: days, attribution and figures', null=True)),
                        ('currency', models.CharField(blank=True, max_length=3)),
                        ('report', models.CharField(blank=True, help_text='Name of the mapping that read it', max_length=60)),
                        ('source_row', models.PositiveIntegerField(blank=True, help_text='1 is the first row of data', null=True)),
                        ('identity', models.BigIntegerField(help_text='64-bit BLAKE2b of what makes the row itself; see crm/identity.py')),
                        ('counts', models.BooleanField(default=True, help_text='Whether totals read this row; see Facts.counting')),
                        ('audience', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='performance', to='crm.audiencesegment')),
                        ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='performance', to='crm.brand')),
                        ('campaign', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='performance', to='crm.campaign')),
                        ('retailer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='performance', to='crm.retailer')),
                        ('sku', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='performance', to='crm.sku')),
                        ('source', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='facts', to='crm.import')),
                    ],
                    options={
                        'default_manager_name': 'across_brands',
                        'ordering': ('measured_on', 'pk'),
                        'indexes': [models.Index(condition=models.Q(('counts', True)), fields=['brand', 'campaign', 'measured_on'], name='fact_counting')],
                        'constraints': [models.UniqueConstraint(fields=('brand', 'measured_on', 'identity'), name='fact_once')],
                    },
                    managers=[
                        ('across_brands', django.db.models.manager.Manager()),
                    ],
                ),
            ],
        ),
    ]
