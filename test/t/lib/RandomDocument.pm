# Random valid documents of each resource: how they are delivered, and what each version
# of the standard must say of them. Written from the standard, not from the code it tests.
#
# A document is made as a tree of what it means. From that come its delivered form, with
# all that input may differ in (names, order, white space, strings for numbers), and its
# canonical form, which output must equal byte for byte.
#
# Free JSON values are ['s', text], ['n', digits], ['l', true|false|null], ['a', values],
# ['o', name, value, ...]; objects that the standard knows are hashes by R14.5's names,
# with "+" for the members it does not know: [name, value, ...].

package RandomDocument;

use strict;
use warnings;
use Dice;
use Exporter 'import';

our @EXPORT = qw(random_document);

my $dice;
sub one_in { return $dice->($_[0]) == 0 }
sub pick { return $_[ $dice->(scalar @_) ] }

my @numbers = ('0.1', '12.00', '123456789012345678.123456789', '0', '-0.50', '100', '1e3', '1.50E2', '25e-4',
	'-99999999999999999999999999999', '0.000000000000000000001');
my @words = ('voice', 'duration', 'a', 'unit', 'Reserved Gold', "caf\xc3\xa9", "\xe2\x82\xac 5", "\xf0\x9f\x93\x9e call",
	'x"y\\z', "tab\there", "line\nend\r", "\x01\x1f", 'a/b', '12.00', '7', '<b>&amp;</b>', "\x7f", 'null', ' padded ');
my @names = ('duration', 'volume', 'originatingNumber', 'own name', "gr\xc3\xb6\xc3\x9fe", 'a.b', 'x"y', '1', 'unit', 'cell id');
my @unknown = ('@type', 'zone', 'myAttribute', 'x', 'b', 'a', 'aa', "\xc3\xa9t\xc3\xa9", 'with space', 'network.cell', 'Id');
my @currencies = qw(EUR USD JPY TND DEM);

# The attributes of each object in the order of the output: R14.5's name, v4's where it is
# another one, kind, how often it is there (of 8), whether "" means none, other spellings.
my @type = map { [$_, undef, 'text', 1] } '@type', '@baseType', '@schemaLocation';
my @specification = (['description', undef, 'text', 4], ['version', undef, 'text', 2],
	['isBundle', undef, 'bool', 3, 1], ['lastUpdate', undef, 'time', 3, 1]);
my @of_specification = (['validFor', undef, 'period', 3], ['usageSpecCharacteristic', 'specCharacteristic', 'characteristic[]', 6],
	['relatedParty', undef, 'party[]', 3], ['attachment', undef, 'attachment[]', 2], ['constraint', undef, 'constraint[]', 2],
	['entitySpecRelationship', undef, 'relationship[]', 2], ['targetEntitySchema', undef, 'target', 2]);
my %shape = (
	usage => [
		['id', undef, 'text', 8], ['date', 'usageDate', 'time', 8, 1], ['type', 'usageType', 'text', 8],
		['description', undef, 'text', 4, 0, 'usageDescription'], ['status', undef, 'status', 5, 1],
		['usageSpecification', undef, 'specification_ref', 4], ['usageCharacteristic', undef, 'characteristics', 7],
		['relatedParty', undef, 'party[]', 4], ['ratedProductUsage', undef, 'rating[]', 3], @type],
	specification_ref => [ ['id', undef, 'id', 5, 1], ['href', undef, 'uri', 4, 1, 'ref'], ['name', undef, 'text', 3] ],
	party => [
		['role', undef, 'text', 8], ['id', undef, 'id', 5, 1], ['href', undef, 'uri', 4, 1, 'ref'], ['name', undef, 'text', 2],
		['status', undef, 'text', 1], ['alias', undef, 'json', 1], ['validFor', undef, 'period', 2],
		['@referredType', undef, 'text', 2], ['@type', undef, 'text', 1], ['@baseType', undef, 'text', 1],
		['@schemaLocation', undef, 'text', 1]],
	period => [
		['startDateTime', undef, 'time', 5, 1, 'startTime', 'startPeriod'], ['endDateTime', undef, 'time', 5, 1, 'endTime', 'endPeriod']],
	rating => [
		['ratingDate', undef, 'time', 4, 1], ['usageRatingTag', undef, 'text', 4], ['isBilled', undef, 'bool', 4, 1],
		['ratingAmountType', undef, 'text', 4], ['taxIncludedRatingAmount', undef, 'number', 5, 1, 'taxIncludedAmount'],
		['taxExcludedRatingAmount', undef, 'number', 5, 1, 'taxExcludedAmount'], ['taxRate', undef, 'number', 4, 1],
		['isTaxExempt', undef, 'bool', 4, 1], ['offerTariffType', undef, 'text', 4],
		['bucketValueConvertedInAmount', undef, 'number', 2, 1], ['currencyCode', undef, 'currency', 5, 1],
		['productRef', undef, 'product', 5, 1], ['@type', undef, 'text', 1], ['@baseType', undef, 'text', 1],
		['@schemaLocation', undef, 'text', 1]],
	money => [ ['unit', undef, 'currency', 8, 1, 'currencyCode'], ['value', undef, 'number', 8, 1, 'amount'] ],
	product => [
		['id', undef, 'id', 5, 1], ['href', undef, 'uri', 5, 1, 'ref'], ['name', undef, 'text', 2], ['@referredType', undef, 'text', 2],
		['@type', undef, 'text', 1], ['@baseType', undef, 'text', 1], ['@schemaLocation', undef, 'text', 1]],
	usage_specification => [ ['id', undef, 'text', 8], ['name', undef, 'text', 6], @specification,
		['status', 'lifecycleStatus', 'status', 5, 1], @of_specification, @type],
	service_usage => [
		['id', undef, 'text', 8], ['usageDate', undef, 'time', 8, 1], ['usageType', undef, 'text', 6],
		['description', undef, 'text', 4, 0, 'usageDescription'], ['status', undef, 'status', 8, 1],
		['usageSpecification', undef, 'reference', 4], ['service', undef, 'reference', 5], ['usageCharacteristic', undef, 'characteristics', 7],
		['relatedParty', undef, 'party[]', 4], @type],
	service_usage_specification => [ ['id', undef, 'text', 8], ['name', undef, 'text', 8], @specification,
		['status', 'lifecycleStatus', 'status', 8, 1], @of_specification, @type],
	reference => [ ['id', undef, 'id', 8, 1], ['href', undef, 'uri', 4, 1, 'ref'], ['name', undef, 'text', 3] ],
	characteristic => [
		['id', undef, 'id', 2, 1], ['name', undef, 'name', 8], ['description', undef, 'text', 3],
		['configurable', undef, 'bool', 4, 1, 'isConfigurable'], ['extensible', undef, 'bool', 2, 1], ['isUnique', undef, 'bool', 2, 1],
		['minCardinality', undef, 'number', 2, 1], ['maxCardinality', undef, 'number', 2, 1], ['regex', undef, 'text', 1],
		['valueType', undef, 'type', 3, 1], ['validFor', undef, 'period', 1],
		['usageSpecCharacteristicValue', 'characteristicValueSpecification', 'value[]', 6],
		['category', undef, 'json', 1], ['presence', undef, 'json', 1]],
	value => [
		['valueType', undef, 'type', 8, 1], ['default', 'isDefault', 'bool', 4, 1], ['value', undef, 'json', 3, 1],
		['valueFrom', undef, 'bound', 3, 1], ['valueTo', undef, 'bound', 3, 1], ['unitOfMeasure', undef, 'text', 2],
		['rangeInterval', undef, 'text', 1], ['regex', undef, 'text', 1], ['validFor', undef, 'period', 1]],
	attachment => [
		['id', undef, 'text', 5], ['href', undef, 'uri', 3], ['attachmentType', undef, 'text', 3], ['content', undef, 'text', 2],
		['description', undef, 'text', 2], ['mimeType', undef, 'text', 2], ['name', undef, 'text', 2], ['url', undef, 'uri', 3],
		['validFor', undef, 'period', 1]],
	constraint => [ ['id', undef, 'text', 6], ['href', undef, 'uri', 3], ['name', undef, 'text', 3], ['version', undef, 'text', 2] ],
	relationship => [
		['id', undef, 'text', 6], ['href', undef, 'uri', 3], ['name', undef, 'text', 3], ['relationshipType', undef, 'text', 4],
		['role', undef, 'text', 2], ['validFor', undef, 'period', 1]],
	target => [ ['@type', undef, 'text', 8], ['@schemaLocation', undef, 'text', 4] ]);

# Of each resource: its statuses, the one that is filled in, the one that rates; where its
# URIs start; what v4 fills in where it is missing.
my @specification_life = ('in study', 'in design', 'in test', 'rejected', 'active', 'launched', 'retired', 'obsolete');
my %resource = (
	usage => {
		statuses => [qw(received rejected recycled guided rated rerated billed)], first => 'received', rated => qr/^(rated|rerated|billed)$/,
		path => { 'r14.5' => '/usageManagement/usage/', v4 => '/tmf-api/usageManagement/v4/usage/' }, filled => 1 },
	usage_specification => {
		statuses => \@specification_life, first => 'in study',
		path => { 'r14.5' => '/usageManagement/usageSpecification/', v4 => '/tmf-api/usageManagement/v4/usageSpecification/' } },
	service_usage => { statuses => [qw(generated archived)], path => { v4 => '/tmf-api/serviceUsage/v4/serviceUsage/' } },
	service_usage_specification => { statuses => \@specification_life, path => { v4 => '/tmf-api/serviceUsage/v4/serviceUsageSpecification/' } });

# In each shape the name of v4; known names of any spelling, which none may take as unknown.
my (%v4_name, %known);
foreach my $shape (keys %shape)
{
	foreach my $attribute (@{ $shape{$shape} })
	{
		$v4_name{$shape}{ $attribute->[0] } = $attribute->[1] // $attribute->[0];
		$known{$shape}{$_} = 1 foreach grep { defined } @$attribute[0, 1, 5 .. $#$attribute];
	}
}
$known{$_}{href} = 1 foreach keys %resource;
# What a reference may know besides, here or there
$known{reference}{$_} = 1 foreach '@referredType', '@type', '@baseType', '@schemaLocation';

# A document of a kind, as (delivered, canonical in R14.5, canonical in v4, canonical in
# its own version after it went through R14.5); of a kind that has one version alone, in
# that one each time. No version has more to say of it.
sub random_document
{
	my ($kind, $version, $id, $its_dice) = @_;
	my $truth;

	$dice = $its_dice;
	$truth = random_object($kind, $version);
	$truth->{id} = $id;
	complete($kind, $truth, $version);
	return (delivered_document($kind, $truth, $version),
		(map { canonical_document($kind, $truth, $resource{$kind}{path}{$_} ? $_ : $version) } 'r14.5', 'v4'),
		canonical_document($kind, $version eq 'v4' ? shown_by_r14_5($kind, $truth) : $truth, $version));
}

# ---- what R14.5 has no shape for ----
# The list of docs/reference.md: of a rated product usage the unknown members of its
# amounts, a bucket's own currency, and of its product all but the href, or else the id.
sub shown_by_r14_5
{
	my ($kind, $truth) = @_;
	my @ratings;

	foreach my $rating (@{ $truth->{ratedProductUsage} // [] })
	{
		my %shown = %$rating;
		my $product = $rating->{productRef};

		delete @shown{qw(bucket_currency money_extra)};
		$shown{productRef} = defined $product->{href}
			? { href => $product->{href}, id => last_segment($product->{href}) } : { id => $product->{id} }
			if $product;
		push @ratings, \%shown;
	}
	return { %$truth, @ratings ? (ratedProductUsage => \@ratings) : () };
}

# ---- what it means ----

sub random_object
{
	my ($shape, $version) = @_;
	my %object;

	foreach my $attribute (@{ $shape{$shape} })
	{
		my ($name, undef, $kind, $often) = @$attribute;
		my $value;

		next if $dice->(8) >= $often;
		$value = random_value($shape, $kind, $version);
		$object{$name} = $value if defined $value;
	}
	if ($object{startDateTime} && $object{endDateTime} && $object{endDateTime}[0] <= $object{startDateTime}[0])
	{
		$object{endDateTime} = $object{startDateTime};
	}
	$object{'+'} = random_members($shape) if one_in(5);
	return \%object;
}

sub random_value
{
	my ($shape, $kind, $version) = @_;
	my ($of) = $kind =~ /^(\w+)\[\]$/;

	return [ map { random_object($of, $version) } 1 .. 1 + $dice->(2) ] if defined $of;
	return random_characteristics() if $kind eq 'characteristics';
	return random_object($kind, $version) if exists $shape{$kind};
	return random_text() if $kind eq 'text';
	return pick(@names) if $kind eq 'name';
	return pick('1', '45', 'abc', "\xc3\xa9", 'a-b') if $kind eq 'id';
	return pick('number', 'string', 'dateTime', 'boolean') if $kind eq 'type';
	return pick('http://host:80/some/', '/', 'urn:x/') . pick('1', '45', 'abc', "\xc3\xa9", 'a-b') if $kind eq 'uri';
	return pick(@{ $resource{$shape}{statuses} }) if $kind eq 'status';
	return pick(@currencies) if $kind eq 'currency';
	return pick(0, 1) if $kind eq 'bool';
	return random_number() if $kind eq 'number';
	return pick('0', '-5', '12.50', '1e3', 'red', '2024-01-01', '0x10') if $kind eq 'bound';
	return [ 1_700_000_000 + $dice->(80_000_000) - (one_in(10) ? 1_600_000_000 : 0),
		one_in(2) ? 0 : pick(1, 500_000, 120_000, 999_999, $dice->(1_000_000)) ] if $kind eq 'time';
	if ($kind eq 'json')
	{
		my $value;
		# Neither of them is a value for whatever knows its name.
		do { $value = random_json(0) } while ($value->[1] // 'x') =~ /^(null)?$/;
		return $value;
	}
	die "no kind $kind";
}

sub random_text
{
	return one_in(12) ? '' : join(pick('', ' '), map { pick(@words) } 1 .. 1 + $dice->(2));
}

sub random_number
{
	return pick(@numbers) if one_in(3);
	return (one_in(6) ? '-' : '') . $dice->(100_000) . (one_in(3) ? '' : '.' . substr('000' . $dice->(1000), -1 - $dice->(3)));
}

sub random_json
{
	my ($depth) = @_;
	my $kind = $dice->($depth > 3 ? 5 : 8);

	return [ 's', random_text() ] if $kind < 2;
	return [ 'n', random_number() ] if $kind < 4;
	return [ 'l', pick('true', 'false', 'null') ] if $kind == 4;
	return [ 'a', map { random_json($depth + 1) } 1 .. $dice->(4) ] if $kind == 5;
	my %seen;
	return [ 'o', map { ($_, random_json($depth + 1)) } grep { !$seen{$_}++ } map { pick(@unknown, @names) } 1 .. $dice->(4) ];
}

# Members that the standard does not know: distinct, none of them null.
sub random_members
{
	my ($shape) = @_;
	my (%seen, @members);

	foreach (1 .. 1 + $dice->(3))
	{
		my $name = pick(@unknown);
		next if $known{$shape}{$name} || $seen{$name}++;
		push @members, $name, random_value($shape, 'json');
	}
	return @members ? \@members : undef;
}

sub random_characteristics
{
	return [ map { {
		name => pick(@names), value => random_value('', 'json'),
		one_in(6) ? ('+' => random_members('money') // [ 'valueType', [ 's', 'string' ] ]) : () } } 1 .. 1 + $dice->(5) ];
}

sub last_segment { return $_[0] =~ m{([^/]*)$} ? $1 : '' }

# What follows from the rest, and what the status demands. "omit" names what the
# delivered form may leave out, because it follows.
sub complete
{
	my ($kind, $truth, $version) = @_;
	my $rated;

	$truth->{omit}{status} = 1 if !defined $truth->{status};
	$truth->{status} //= $resource{$kind}{first};
	$rated = $resource{$kind}{rated} && $truth->{status} =~ $resource{$kind}{rated};
	complete_reference($_)
		foreach grep { $_ } @$truth{qw(usageSpecification service)}, @{ $truth->{relatedParty} // [] };
	complete_party($_, $kind, $version) foreach @{ $truth->{relatedParty} // [] };
	$truth->{ratedProductUsage} //= [ random_object('rating', $version) ] if $rated;
	complete_rating($_, $version, $rated, $truth->{status} eq 'billed') foreach @{ $truth->{ratedProductUsage} // [] };
	foreach my $characteristic (@{ $truth->{usageSpecCharacteristic} // [] })
	{
		foreach my $value (@{ $characteristic->{usageSpecCharacteristicValue} // [] })
		{
			$value->{omit}{valueType} = 1
				if defined $characteristic->{valueType} && $characteristic->{valueType} eq $value->{valueType};
		}
	}
	$truth->{name} = 'a name' if !$resource{$kind}{first} && exists $truth->{name} && $truth->{name} =~ /^\s*$/;
	return if !$resource{$kind}{filled};
	$truth->{type} = 'voice' if $truth->{type} =~ /^\s*$/;
	if ($version eq 'v4' && one_in(4))
	{
		my $specification = $truth->{usageSpecification} // {};
		$truth->{type} = $specification->{name} // $specification->{id} // 'unspecified';
		$truth->{type} = $specification->{name} = 'a name' if $truth->{type} =~ /^\s*$/;
		$truth->{omit}{type} = 1;
	}
	return;
}

sub complete_reference
{
	my ($reference) = @_;

	return if !defined $reference->{href};
	$reference->{id} //= last_segment($reference->{href});
	$reference->{omit}{id} = 1 if $reference->{id} eq last_segment($reference->{href});
	return;
}

sub complete_party
{
	my ($party, $kind, $version) = @_;

	$party->{role} = 'customer' if $party->{role} =~ /^\s*$/;
	if (!$resource{$kind}{filled} && !$resource{$kind}{first})
	{
		# What TMF727 demands of a party
		$party->{id} //= '1';
		$party->{'@referredType'} = 'Individual' if ($party->{'@referredType'} // '') =~ /^\s*$/;
	}
	elsif ($resource{$kind}{filled} && $version eq 'v4' && one_in(4) && ($party->{'@referredType'} // 'x') !~ /^\s*$/)
	{
		$party->{role} = $party->{'@referredType'} // 'unspecified';
		$party->{omit}{role} = 1;
	}
	return;
}

sub complete_rating
{
	my ($rating, $version, $rated, $billed) = @_;
	my %preset = (usageRatingTag => 'usage', isBilled => $billed ? 1 : 0, ratingAmountType => 'total', isTaxExempt => 0, offerTariffType => 'normal');
	my $product;

	# said or not, it is true in a billed usage
	$rating->{isBilled} = undef if $billed && !$rating->{isBilled};
	if ($rated)
	{
		foreach my $attribute (@{ $shape{rating} })
		{
			my ($name, undef, $kind) = @$attribute;
			if (exists $preset{$name})
			{
				$rating->{omit}{$name} = 1 if !defined $rating->{$name} || $rating->{$name} eq '';
				$rating->{$name} = $preset{$name} if $rating->{omit}{$name};
			}
			$rating->{$name} //= random_value('rating', $kind, $version)
				if $name =~ /^(ratingDate|taxIncludedRatingAmount|taxExcludedRatingAmount|taxRate|currencyCode|productRef)$/;
		}
	}
	delete @$rating{ grep { exists $preset{$_} && defined $rating->{$_} && $rating->{$_} eq '' } keys %$rating };

	$product = $rating->{productRef};
	if ($product && $version eq 'r14.5')
	{
		# A mere string: an address, or an id
		$rating->{productRef} = $product = defined $product->{href} ? { href => $product->{href} } : { id => $product->{id} // '1' };
	}
	elsif ($product && !defined $product->{href})
	{
		$product->{id} //= '1';
	}
	complete_reference($product) if $product;

	if ($version eq 'v4' && defined $rating->{bucketValueConvertedInAmount} && defined $rating->{currencyCode} && one_in(2))
	{
		$rating->{bucket_currency} = pick(@currencies);
		delete $rating->{bucket_currency} if $rating->{bucket_currency} eq $rating->{currencyCode}
			|| !grep { defined $rating->{$_} } qw(taxIncludedRatingAmount taxExcludedRatingAmount);
	}
	if ($version eq 'v4')
	{
		foreach (qw(taxIncludedRatingAmount taxExcludedRatingAmount bucketValueConvertedInAmount))
		{
			$rating->{money_extra}{$_} = random_members('money') if defined $rating->{$_} && one_in(8);
		}
	}
	return;
}

# The members of a rating in one version: v4 has objects for amounts and product.
sub rating_face
{
	my ($rating, $version, $delivered) = @_;
	my %face = %$rating;
	my $shown = 0;

	if ($version eq 'r14.5')
	{
		$face{productRef} = $rating->{productRef}{href} // $rating->{productRef}{id} if $rating->{productRef};
		return \%face;
	}
	foreach my $name (qw(taxIncludedRatingAmount taxExcludedRatingAmount bucketValueConvertedInAmount))
	{
		my $own = $name =~ /^bucket/ ? $rating->{bucket_currency} : undef;

		next if !defined $rating->{$name};
		$face{$name} = { value => $rating->{$name}, unit => $own // $rating->{currencyCode}, '+' => $rating->{money_extra}{$name} };
		# One amount with its unit says it for all.
		$face{$name}{omit}{unit} = 1 if $delivered && $shown && !defined $own;
		$shown = 1 if !defined $own;
	}
	delete $face{currencyCode} if $shown;
	return \%face;
}

# ---- canonical ----

sub canonical_document
{
	my ($kind, $truth, $version) = @_;
	my $text = canonical_object($kind, $truth, $version);
	my $href = quoted($resource{$kind}{path}{$version} . $truth->{id} =~ s/([^-.\w~\/])/sprintf('%%%02X', ord $1)/ger);

	$text =~ s/^(\{"id":"[^"]*")/$1,"href":$href/;
	return $text;
}

sub canonical_object
{
	my ($shape, $object, $version) = @_;
	my @members;

	$object = rating_face($object, $version) if $shape eq 'rating';
	foreach my $attribute (@{ $shape{$shape} })
	{
		my ($name, undef, $kind) = @$attribute;
		my $value = $object->{$name};
		my $text;

		next if !defined $value;
		$text = canonical_value($kind, $value, $version);
		push @members, quoted($version eq 'v4' ? $v4_name{$shape}{$name} : $name) . ':' . $text if defined $text;
	}
	push @members, members_of($object->{'+'}, 1) if $object->{'+'};
	return '{' . join(',', @members) . '}';
}

# Nothing where an object or a list has nothing to say.
sub canonical_value
{
	my ($kind, $value, $version) = @_;
	my ($of) = $kind =~ /^(\w+)\[\]$/;
	my $text;

	return '[' . join(',', map { canonical_object($of, $_, $version) } @$value) . ']' if defined $of;
	return '[' . join(',', map { canonical_characteristic($_) } @$value) . ']' if $kind eq 'characteristics';
	if (ref $value eq 'HASH')
	{
		$text = canonical_object($kind eq 'number' ? 'money' : $kind, $value, $version);
		return $text eq '{}' && $kind ne 'target' ? undef : $text;
	}
	return canonical_time($value) if $kind eq 'time';
	return json_text($value, 1) if $kind eq 'json';
	return canonical_number($value) if $kind eq 'number';
	return $value ? 'true' : 'false' if $kind eq 'bool';
	return $value if $kind eq 'bound' && $version eq 'v4' && $value =~ /^-?\d+(\.\d+)?(e\d+)?$/;
	return quoted($value);
}

# Kept as delivered, but for white space.
sub canonical_characteristic
{
	my ($characteristic) = @_;

	return '{' . join(',', '"name":' . quoted($characteristic->{name}), '"value":' . json_text($characteristic->{value}, 0),
		$characteristic->{'+'} ? members_of($characteristic->{'+'}, 0) : ()) . '}';
}

sub canonical_time
{
	my ($seconds, $micros) = @{ $_[0] };
	my ($s, $m, $h, $day, $month, $year) = gmtime $seconds;
	my $fraction = $micros ? sprintf('.%06d', $micros) =~ s/0+$//r : '';

	return sprintf('"%04d-%02d-%02dT%02d:%02d:%02d%sZ"', $year + 1900, $month + 1, $day, $h, $m, $s, $fraction);
}

# No exponent; as many digits after the point as were given.
sub canonical_number
{
	my ($sign, $whole, $fraction, $exponent) = $_[0] =~ /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/ or die "no number: $_[0]";

	$fraction //= '';
	$exponent //= 0;
	if ($exponent > 0)
	{
		$fraction .= '0' x ($exponent - length $fraction) if length $fraction < $exponent;
		$whole .= substr($fraction, 0, $exponent, '');
	}
	elsif ($exponent < 0)
	{
		$whole = ('0' x -$exponent) . $whole;
		$fraction = substr($whole, $exponent, -$exponent, '') . $fraction;
	}
	$whole =~ s/^0+(?=\d)//;
	$sign = '' if "$whole$fraction" =~ /^0+$/;
	return $sign . $whole . ($fraction ne '' ? ".$fraction" : '');
}

# A free value. With $stored as PostgreSQL's jsonb keeps it: shorter names first, plain numbers.
sub json_text
{
	my ($value, $stored) = @_;
	my ($kind, @rest) = @$value;

	return quoted($rest[0]) if $kind eq 's';
	return $stored ? canonical_number($rest[0]) : $rest[0] if $kind eq 'n';
	return $rest[0] if $kind eq 'l';
	return '[' . join(',', map { json_text($_, $stored) } @rest) . ']' if $kind eq 'a';
	return '{' . join(',', members_of(\@rest, $stored)) . '}';
}

sub members_of
{
	my ($pairs, $stored) = @_;
	my @places = map { 2 * $_ } 0 .. @$pairs / 2 - 1;

	@places = sort { length $pairs->[$a] <=> length $pairs->[$b] || $pairs->[$a] cmp $pairs->[$b] } @places
		if $stored;
	return map { quoted($pairs->[$_]) . ':' . json_text($pairs->[ $_ + 1 ], $stored) } @places;
}

my %escape = ('"' => '\"', '\\' => '\\\\', "\b" => '\b', "\f" => '\f', "\n" => '\n', "\r" => '\r', "\t" => '\t');

sub quoted
{
	my ($text) = @_;

	$text =~ s/(["\\\x00-\x1f])/$escape{$1} \/\/ sprintf('\u%04x', ord $1)/ge;
	return "\"$text\"";
}

# ---- delivered ----

my $space;						# between the tokens of the document at hand
my $shuffled;					# whether its members come in no order

sub delivered_document
{
	my ($kind, $truth, $version) = @_;

	$space = pick('', '', ' ', "\n\t");
	$shuffled = one_in(4);
	return delivered_object($kind, $truth, $version);
}

sub delivered_object
{
	my ($shape, $object, $version) = @_;
	my @members;

	$object = rating_face($object, $version, 1) if $shape eq 'rating';
	foreach my $attribute (@{ $shape{$shape} })
	{
		my ($name, $v4_name, $kind, undef, $blank_is_none, @aliases) = @$attribute;
		my $value = $object->{$name};
		my @spellings = grep { defined } $name, $v4_name, @aliases;
		my $key = one_in(12) ? pick(@spellings) : $version eq 'v4' ? $v4_name // $name : $name;

		$key = pick(" $key", "$key ", "$key\t") if one_in(40);
		if (!defined $value || ($object->{omit}{$name} && one_in(2)))
		{
			# Said to be none
			push @members, quoted($key) . ":$space" . ($blank_is_none ? pick('null', '""', $kind eq 'json' ? 'null' : '" "') : 'null') if one_in(20);
			next;
		}
		push @members, quoted($key) . ":$space" . delivered_value($kind, $value, $version);
		# Twice, but the same
		push @members, $members[-1] if one_in(60) && ref $value ne 'HASH' && $kind =~ /^(text|uri|time|number|bool|status)$/;
	}
	push @members, '"href": "http://elsewhere/' . $object->{id} . '"' if one_in(4) && $resource{$shape} && $object->{id} !~ /\W/;
	push @members, spaced($object->{'+'}) if $object->{'+'};
	@members = map { splice @members, $dice->(scalar @members), 1 } 1 .. @members if $shuffled;
	return "{$space" . join(",$space", @members) . "$space}";
}

sub delivered_value
{
	my ($kind, $value, $version) = @_;
	my ($of) = $kind =~ /^(\w+)\[\]$/;

	return "[$space" . join(",$space", map { delivered_object($of, $_, $version) } @$value) . ']' if defined $of;
	return delivered_characteristics($value) if $kind eq 'characteristics';
	return delivered_object($kind eq 'number' ? 'money' : $kind, $value, $version) if ref $value eq 'HASH';
	return delivered_time($value) if $kind eq 'time';
	return json_text($value, 0) if $kind eq 'json';
	return one_in(2) ? $value : pick("\"$value\"", "\" $value\"", $value =~ /^-/ ? $value : "\"+$value\"") if $kind eq 'number';
	return ($value ? pick('true', 'true', '"true"', '"True"', '" TRUE"') : pick('false', 'false', '"false"', '"False"')) if $kind eq 'bool';
	if ($kind eq 'status')
	{
		$value = 'rerate' if $value eq 'rerated' && one_in(2);
		$value =~ s/ /pick('_', '-', ' ')/e;
		return '"' . pick($value, $value, ucfirst $value, uc $value) . '"';
	}
	return $value if $kind =~ /^(text|id|bound)$/ && $value =~ /^-?(0|[1-9]\d*)(\.\d+)?$/ && one_in(2);
	$value = pick(" $value", "$value ") if $kind =~ /^(uri|product)$/ && one_in(10);
	return escaped($value);
}

# The same string with escapes that need not be
sub escaped
{
	my ($text) = @_;

	return quoted($text) if !one_in(8);
	utf8::decode($text);
	$text =~ s{(.)}{my $c = ord $1;
		$c > 0xffff ? sprintf('\u%04X\u%04x', 0xd800 + (($c - 0x10000) >> 10), 0xdc00 + (($c - 0x10000) & 0x3ff))
		: $1 eq '/' ? '\/' : sprintf('\u%04x', $c)}ges;
	return "\"$text\"";
}

sub delivered_characteristics
{
	my ($list) = @_;
	my %seen;

	# The short form, where it can say it
	return '{' . join(',', map { quoted($_->{name}) . ':' . json_text($_->{value}, 0) } @$list) . '}'
		if one_in(4) && !grep { $_->{'+'} } @$list;
	return "[$space" . join(",$space", map {
		my @members = ('"name":' . $space . escaped($_->{name}),
			'"value":' . $space . ($_->{value}[0] eq 's' ? escaped($_->{value}[1]) : json_text($_->{value}, 0)));
		@members = reverse @members if one_in(5);
		push @members, spaced($_->{'+'}) if $_->{'+'};
		"{$space" . join(",$space", @members) . '}' } @$list) . ']';
}

sub spaced
{
	my ($pairs) = @_;

	return map { s/^("(?:[^"\\]|\\.)*"):/$1 :$space/r } members_of($pairs, 0);
}

# In any zone, with digits to spare
sub delivered_time
{
	my ($seconds, $micros) = @{ $_[0] };
	my $offset = one_in(2) ? 0 : pick(-14_400, 19_800, 3_600, -43_200, 50_400);
	my $zone = $offset ? sprintf('%s%02d%s%02d', $offset < 0 ? '-' : '+', abs($offset) / 3600, pick(':', ''), abs($offset) % 3600 / 60)
		: pick('Z', 'Z', '+00:00', 'z', '');
	my $text = canonical_time([ $seconds + $offset, $micros ]);

	$text =~ s/Z"$/$zone"/;
	$text =~ s/(\.\d+)/length $1 < 7 ? $1 . '0' x $dice->(8 - length $1) : $1/e;
	$text =~ s/T/ / if one_in(10);
	return $text;
}

1;
